import ArcuateCore

/// The properties of one kind of node.
///
/// There are no default implementations: a new kind states every one, in one file. `Operator`
/// lists the kinds.
package protocol NodeKind: Sendable, Equatable {
  /// The names of this kind in files and layer lists, each with its fields.
  static var forms: [NodeForm<Self>] { get }

  /// This node as a case of `Operator`.
  var asOperator: Operator { get }

  /// The name of the form that describes this node.
  var kindName: String { get }

  /// The shape of the output for inputs of these shapes, of which unknown ones are nil; nil if it
  /// depends on an unknown shape.
  /// Throws. `shapeMismatch` naming both shapes; `invalidModel` for inconsistent parameters.
  func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape?

  /// The signal of the output when the inputs carry these signals.
  func signal(_ inputs: [Signal]) -> Signal

  /// Why the node cannot process these signals; nil if it can. The signal of a port is unknown,
  /// which is nil.
  func refusal(of inputs: [Signal?]) -> String?

  /// Errors of the parameters, for any input.
  func contradictions() -> [String]

  /// The number of elements that training could change or that describe neurons.
  var parameterCount: Int { get }

  /// Whether the node depends on the step length. `semantics` are those of the model.
  func needsTimeStep(_ semantics: NeuronSemantics) -> Bool

  /// Whether the output changes from step to step while the network's input is held.
  func constancy(dt_s: Double?) -> Constancy

  /// Whether the output of a step depends on earlier steps only, so that the node needs no back
  /// edge to close a cycle.
  func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool

  /// The same node with the names of other nodes that it refers to changed.
  func renamingReferences(_ rename: (String) -> String) -> Self
}

/// Whether the output of a node changes from step to step while the input of the network is held.
public enum Constancy: Sendable {
  /// Constant exactly if the host holds the input: ports.
  case heldInput
  /// Constant if every input is.
  case followsInputs
  /// Never constant: the node has a memory, or random numbers of its own at each step.
  case never
}

extension NodeKind {
  /// The form that describes this node.
  package var form: NodeForm<Self> {
    let name = kindName
    return Self.forms.first { $0.name == name }!
  }
}

// What several kinds have in common, for them to call.

extension Signal {
  /// Spikes if there are inputs and all of them carry spikes.
  static func spikeIfAll(_ inputs: [Signal]) -> Signal {
    !inputs.isEmpty && inputs.allSatisfy { $0 == .spike } ? .spike : .value
  }
}

/// Why a value layer cannot process these signals.
func refusalOfSpikes(_ inputs: [Signal?]) -> String? {
  inputs.contains(.spike)
    ? "takes values, but receives spikes: put a decoder between" : nil
}

/// The shape that all known inputs share; nil if none is known.
/// Throws. `shapeMismatch` if two of them differ.
func commonShape(
  _ inputs: [Shape?], combined verb: String = "summed"
) throws(ArcuateError) -> Shape? {
  let known = inputs.compactMap { $0 }
  for other in known.dropFirst() where other != known[0] {
    throw ArcuateError(
      .shapeMismatch, "receives shapes \(known[0]) and \(other), which cannot be \(verb)")
  }
  return known.first
}

/// The shape of an elementwise node whose parameter has the shape `parameter`: one element fits
/// every input.
func elementwiseShape(_ parameter: Shape, _ input: Shape?) throws(ArcuateError) -> Shape? {
  guard let input else { return parameter.count == 1 && parameter.rank == 0 ? nil : parameter }
  if parameter.count == 1 || parameter == input || parameter.isRepeated(over: input) {
    return input
  }
  throw mismatch("shape \(parameter)", input)
}

/// Throws. `shapeMismatch` unless the input is unknown or has one axis of `count` elements.
func requireVector(_ count: Int, _ input: Shape?) throws(ArcuateError) {
  if let input, input.extents != [count] { throw mismatch("[\(count)]", input) }
}

func mismatch(_ expectation: String, _ input: Shape) -> ArcuateError {
  ArcuateError(.shapeMismatch, "expects \(expectation), but receives \(input)")
}

/// A message for each tensor with an element that is not finite.
func nonFinite(_ tensors: [(name: String, tensor: Tensor?)]) -> [String] {
  tensors.compactMap { name, tensor in
    guard let tensor, !tensor.isFinite else { return nil }
    let index = tensor.floats.firstIndex { !$0.isFinite }.map {
      " at \(tensor.shape.index(of: $0))"
    }
    return "\(name) holds a number that is not finite\(index ?? "")"
  }
}
