import ArcuateCore
import ArcuateModel

extension Model {
  /// The same network with the weights of its linear and convolution nodes as int8 or bfloat16.
  ///
  /// Biases, the parameters of neurons and weights that already have the type are not changed.
  /// Numbers. int8: -127 ... 127, one scale for each index of the first axis; without calibration this
  /// is the largest magnitude / 127, and a weight differs by at most half a scale. bfloat16: to
  /// nearest, ties to even; beyond its range the largest finite number.
  /// Cost. One pass over the weights, with calibration about fifty and a run of the frames.
  /// Throws. `invalidArgument` for another element; `notFound` for a node to keep that has no weights;
  /// `invalidModel` naming the node; with calibration what compiling and running throw.
  public func quantized(
    to element: Tensor.Element, _ options: QuantizationOptions = .init()
  ) throws(ArcuateError) -> (model: Model, report: QuantizationReport) {
    guard element != .float32 else {
      throw ArcuateError(.invalidArgument, "weights must become int8 or bfloat16, got float32")
    }
    // Checked before folding, which relies on the shapes.
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
    let moments = try options.calibration.map { sample throws(ArcuateError) in
      try InputMoments(of: model, nodes: wanted, on: sample)
    }

    var report = QuantizationReport(
      element: element, frames: options.calibration?.frames ?? 0, steps: moments?.steps ?? 0)
    let result = try model.mappingWeights { name, kind, weight throws(ArcuateError) in
      let narrow =
        wanted.contains(name)
        ? try within("node \"\(name)\"") { () throws(ArcuateError) in
          try NarrowWeight(weight, as: element, moments: moments?.rows[name])
        } : NarrowWeight(keeping: weight)
      report.nodes.append(QuantizationReport.Node(name, kind, weight, narrow))
      return narrow.tensor
    }
    return (result, report)
  }

  /// The same network with the weights and biases of linear and convolution nodes as float32.
  ///
  /// Numbers. The values are exactly those of the narrow numbers: the outputs are the same.
  public func dequantized() throws(ArcuateError) -> Model {
    try mappingTensors { _, _, tensor, _ throws(ArcuateError) in
      tensor.element == .float32 ? tensor : try Tensor(tensor.floats, shape: tensor.shape)
    }
  }
}
