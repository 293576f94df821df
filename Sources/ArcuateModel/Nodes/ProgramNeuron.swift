import ArcuateCore

/// A layer of neurons whose step is a program.
///
/// It takes as many inputs as the program names, in the order of the edges that lead to it; one input
/// is the sum of all that arrives.
public struct ProgramNeuron: Sendable, Equatable {
  public var program: NeuronProgram
  /// One number, or one for each neuron, for each parameter that has no default or another value.
  public var parameters: [String: Tensor]
  /// Of its random numbers.
  public var seed: UInt64

  public init(_ program: NeuronProgram, parameters: [String: Tensor] = [:], seed: UInt64 = 0) {
    self.program = program
    self.parameters = parameters
    self.seed = seed
  }

  /// The same neurons with adaptive parameters that stay as they are.
  package func frozen() -> ProgramNeuron {
    var frozen = self
    frozen.program = program.frozen()
    frozen.parameters = parameters.filter { frozen.program.parameterNames.contains($0.key) }
    return frozen
  }

  /// The value of a parameter: what was given, or the default; nil if there is neither.
  public func value(of parameter: String) -> Tensor? {
    if let given = parameters[parameter] { return given }
    let known = program.parameters.first { $0.name == parameter }
    return known?.standard.map { Tensor(scalar: Float($0)) }
  }
}

extension ProgramNeuron: NodeKind {
  package static var forms: [NodeForm<Self>] {
    let hint = " (programs of the form of NIR's neurons are written as these)"
    return [
      NodeForm(
        "NeuronProgram", nir: .none(hint: hint),
        [
          Field(
            "program", .word, nir: .none(), get: { .word($0.program.text) },
            set: { node, value throws(ArcuateError) in
              if case .word(let text) = value { node.program = try NeuronProgram(text) }
            }),
          Field(
            "parameters", .tensors, isRequired: false, extent: .elements, nir: .none(),
            get: { $0.parameters.isEmpty ? nil : .tensors($0.parameters) },
            set: { if case .tensors(let tensors) = $1 { $0.parameters = tensors } }),
          Field(
            "seed", .seed, isRequired: false, nir: .none(),
            get: { $0.seed == 0 ? nil : .seed($0.seed) },
            set: { if case .seed(let seed) = $1 { $0.seed = seed } }),
        ], blank: ProgramNeuron(.blank),
        layer: .init(name: "neuron", make: ProgramNeuron.init(layer:)))
    ]
  }

  private init(layer: any LayerFields) throws(ArcuateError) {
    let program = try within("program") { () throws(ArcuateError) in
      try NeuronProgram(layer.text("program"))
    }
    self.init(program, seed: try layer.seed("seed"))
    let isWide = try layer.flag("per_neuron", or: false)
    if isWide { try layer.spend(layer.input.count * program.parameters.count) }
    for parameter in program.parameters {
      guard !Self.layerFields.contains(parameter.name) else {
        throw ArcuateError(
          .malformed,
          "a layer cannot state the parameter \"\(parameter.name)\", which is one of its "
            + "fields", at: "program: \(parameter.position)")
      }
      if let numbers = try layer.numbers(parameter.name) {
        guard numbers.count == layer.input.count else {
          throw ArcuateError(
            .malformed,
            "\(parameter.name) has \(numbers.count) numbers for \(layer.input.count) neurons")
        }
        parameters[parameter.name] = try Tensor(numbers, shape: layer.input)
        continue
      }
      let standard = parameter.standard.map(Float.init)
      guard standard != nil || layer.has(parameter.name) else {
        throw ArcuateError(
          .malformed, "the parameter \"\(parameter.name)\" has no value",
          at: "program: \(parameter.position)")
      }
      guard layer.has(parameter.name) || isWide else { continue }
      let number = try layer.number(parameter.name, or: standard)
      parameters[parameter.name] =
        isWide ? .filled(number, shape: layer.input) : Tensor(scalar: number)
    }
  }

  /// The fields of a layer besides its parameters.
  private static let layerFields = ["kind", "name", "program", "seed", "per_neuron", "recurrent"]

  package var asOperator: Operator { .program(self) }
  package var kindName: String { "NeuronProgram" }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    let names = program.inputs
    if names.count > 1, inputs.count != names.count {
      throw ArcuateError(
        .invalidModel,
        "its program has \(names.count) inputs (\(names.joined(separator: ", "))), but "
          + (inputs.count == 1 ? "1 edge leads to it" : "\(inputs.count) edges lead to it"))
    }
    let input = try commonShape(inputs, combined: names.count > 1 ? "used together" : "summed")
    // Numbers without a shape, of as many neurons as the input has elements, are in its order.
    func isInOrder(_ tensor: Tensor) -> Bool {
      tensor.shape.rank == 1 && tensor.count == input?.count
    }
    var shape = Shape.scalar
    for (name, tensor) in parameters.sorted(by: { $0.key < $1.key })
    where tensor.count != 1 && !isInOrder(tensor) {
      guard shape.count == 1 || tensor.shape == shape else {
        throw ArcuateError(
          .invalidModel, "\(name) has shape \(tensor.shape), other parameters have \(shape)")
      }
      shape = tensor.shape
    }
    return try elementwiseShape(shape, input)
  }

  package func signal(_ inputs: [Signal]) -> Signal { program.spikes ? .spike : .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }

  package func contradictions() -> [String] {
    let given = parameters.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    var found = nonFinite(given)
    for (name, tensor) in given where tensor.count == 0 { found.append("\(name) has no elements") }
    for name in parameters.keys.sorted() where !program.parameterNames.contains(name) {
      found.append("its program has no parameter \"\(name)\"")
    }
    for (name, tensor) in given where name.hasPrefix("tau") && !tensor.floats.allSatisfy({ $0 > 0 })
    {
      found.append("\(name) must be positive")
    }
    for parameter in program.parameters where value(of: parameter.name) == nil {
      found.append("parameter \"\(parameter.name)\" (\(parameter.position)) has no value")
    }
    return found
  }

  package var parameterCount: Int { parameters.values.reduce(0) { $0 + $1.count } }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { program.usesTimeStep }
  package func constancy(dt_s: Double?) -> Constancy { .never }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool {
    program.isEarly
  }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

extension NeuronProgram {
  /// A program that passes its input on, for readers to replace.
  fileprivate static let blank = try! NeuronProgram("value = x")
}
