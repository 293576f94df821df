import ArcuateCore

/// NIR SumPool2d and AvgPool2d; the extensions MaxPool2d and SpikeMaxPool2d.
public struct Pooling: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case sum, average, maximum
    /// With c_k the sum of input k of a window since the last reset:
    ///
    ///     y(t) = max_k c_k(t) - max_k c_k(t - 1)
    ///
    /// so a window emits as many spikes as its most active input receives. Of the spikes of
    /// height one at a step, it passes one or none.
    case spikeMaximum = "spike_maximum"
  }
  public var kind: Kind
  /// Two numbers each: height, width. The average counts padding in its divisor.
  public var kernel: [Int]
  public var stride: [Int]
  public var padding: [Int]
  public init(kind: Kind, kernel: [Int], stride: [Int], padding: [Int] = [0, 0]) {
    self.kind = kind
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
  }
}

extension Pooling: NodeKind {
  package static var forms: [NodeForm<Self>] {
    [
      form(.sum, layer: "sum_pooling"), form(.average, layer: "average_pooling"),
      form(.maximum, layer: "max_pooling"), form(.spikeMaximum, layer: nil),
    ]
  }

  private static func form(_ kind: Kind, layer: String?) -> NodeForm<Self> {
    let isNIR: Bool =
      switch kind {
      case .sum, .average: true
      case .maximum, .spikeMaximum: false
      }
    return NodeForm(
      kind.nodeName, nir: isNIR ? .native() : .none(),
      [
        .integers("kernel_size", count: 2, \.kernel), .integers("stride", count: 2, \.stride),
        .integers("padding", count: 2, \.padding, nir: .field(absence: .integer(0))),
      ], blank: Pooling(kind: kind, kernel: [], stride: []),
      layer: layer.map {
        .init(name: $0) { layer throws(ArcuateError) in
          let kernel = try layer.extents("kernel", axes: 2, least: 1, or: nil)
          return Pooling(
            kind: kind, kernel: kernel,
            stride: layer.has("stride")
              ? try layer.extents("stride", axes: 2, least: 1, or: nil) : kernel,
            padding: try layer.extents("padding", axes: 2, least: 0, or: 0))
        }
      })
  }

  package var asOperator: Operator { .pooling(self) }
  package var kindName: String { kind.nodeName }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    let input = try commonShape(inputs)
    guard kernel.count == 2, stride.count == 2, padding.count == 2,
      (kernel + stride).allSatisfy({ (1...1 << 20).contains($0) }),
      zip(padding, kernel).allSatisfy({ $0 >= 0 && $0 <= $1 })
    else {
      throw ArcuateError(
        .invalidModel, "kernel \(kernel), stride \(stride), padding \(padding) are not a pooling")
    }
    guard let input else { return nil }
    guard input.rank == 3 else { throw mismatch("[channels, height, width]", input) }
    var extents = [input[0]]
    for axis in 0..<2 {
      let span = input[axis + 1] + 2 * padding[axis] - kernel[axis]
      guard span >= 0 else { throw mismatch("at least \(kernel) positions", input) }
      extents.append(span / stride[axis] + 1)
    }
    return try Shape(extents)
  }

  package func signal(_ inputs: [Signal]) -> Signal {
    switch kind {
    case .sum, .average, .maximum: .value
    case .spikeMaximum: .spikeIfAll(inputs)
    }
  }
  package func refusal(of inputs: [Signal?]) -> String? { nil }
  package func contradictions() -> [String] { [] }
  package var parameterCount: Int { 0 }
  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool { false }
  package func constancy(dt_s: Double?) -> Constancy {
    switch kind {
    case .sum, .average, .maximum: .followsInputs
    case .spikeMaximum: .never
    }
  }
  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool { false }
  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

extension Pooling.Kind {
  fileprivate var nodeName: String {
    switch self {
    case .sum: "SumPool2d"
    case .average: "AvgPool2d"
    case .maximum: "MaxPool2d"
    case .spikeMaximum: "SpikeMaxPool2d"
    }
  }
}
