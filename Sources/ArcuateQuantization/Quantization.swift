import ArcuateCore
import ArcuateModel
import ArcuateRuntime

/// Which weights become narrow, and on what their scales are chosen.
public struct Quantization: Sendable {
  /// Names of nodes whose weights stay as they are; that of a graph stands for all inside.
  public var keep: [String] = []
  /// The first node with weights, in the order in which the network runs, stays as it is.
  public var keepsFirst = false
  /// The last one likewise.
  public var keepsLast = false
  /// Batch-norm is folded into the weights before it where that is exact, first of all.
  public var foldsBatchNorm = true
  /// Frames on which the scales of int8 weights are chosen; nil takes the largest weight of each
  /// channel. bfloat16 has no scales: there they only tell the error.
  public var calibration: SampleFrames?

  public init() {}
}

extension Model {
  /// The same network with the weights of its linear and convolution nodes as int8 or bfloat16.
  ///
  /// Biases and the parameters of neurons stay as they are, and so do weights that are of that type
  /// already.
  /// Numbers. int8: -127 ... 127, one scale for each index of the first axis, which without
  /// calibration is the largest magnitude / 127; a weight differs by half a scale at most then.
  /// bfloat16: to nearest, ties to even; beyond its range the largest finite number.
  /// Cost. One pass over the weights, with calibration about fifty and a run of the frames.
  /// Throws. `invalidArgument` for another element; `notFound` for a name to keep that has no
  /// weights; `invalidModel` naming the node; what compiling and running throw in calibration.
  public func quantized(
    to element: Tensor.Element, _ options: Quantization = .init()
  ) throws -> (model: Model, report: QuantizationReport) {
    guard element != .float32 else {
      throw ArcuateError(.invalidArgument, "weights become int8 or bfloat16, not float32")
    }
    // Checked before it is folded: folding trusts the shapes.
    var checked = try soundly()
    var model = self
    if options.foldsBatchNorm {
      model = try foldingBatchNorm()
      checked = try model.soundly()
    }
    let weighted = checked.ordering.order.map { checked.model.nodes[$0] }
      .filter { $0.op.weight != nil }.map(\.name)
    let kept = try options.kept(among: weighted)
    let wanted = Set(weighted).subtracting(kept)
    let moments = try options.calibration.map {
      try InputMoments(of: model, nodes: wanted, on: $0)
    }

    var report = QuantizationReport(
      element: element, frames: options.calibration?.frames ?? 0, steps: moments?.steps ?? 0)
    let result = try model.mappingWeights { name, kind, weight in
      let narrow =
        wanted.contains(name)
        ? try within("node \"\(name)\"") {
          try NarrowWeight(weight, as: element, moments: moments?.rows[name])
        } : NarrowWeight(keeping: weight)
      report.nodes.append(QuantizationReport.Node(name, kind, weight, narrow))
      return narrow.tensor
    }
    return (result, report)
  }

  /// The same network with the weights and biases of linear and convolution nodes as float32.
  ///
  /// Numbers. Exactly what the narrow numbers stand for: the network computes the same.
  public func dequantized() throws -> Model {
    try mappingTensors { _, _, tensor, _ in
      tensor.element == .float32 ? tensor : try Tensor(tensor.floats, shape: tensor.shape)
    }
  }
}

extension Quantization {
  /// The nodes that stay as they are, among those with weights, which are given in order.
  fileprivate func kept(among weighted: [String]) throws -> Set<String> {
    var kept = Set<String>()
    for name in keep {
      let found = weighted.filter { $0 == name || $0.hasPrefix(name + "/") }
      guard !found.isEmpty else {
        let known = weighted.prefix(8).map { "\"\($0)\"" }.joined(separator: ", ")
        throw ArcuateError(
          .notFound,
          "there is no node \"\(name)\" with weights, but "
            + (weighted.isEmpty ? "none at all" : known + (weighted.count > 8 ? ", ..." : "")))
      }
      kept.formUnion(found)
    }
    if keepsFirst, let first = weighted.first { kept.insert(first) }
    if keepsLast, let last = weighted.last { kept.insert(last) }
    return kept
  }
}
