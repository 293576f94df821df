import ArcuateCore
import ArcuateRuntime

/// Which weights `Model.quantized` makes narrow, and how their scales are chosen.
public struct QuantizationOptions: Sendable {
  /// Names of nodes whose weights are not changed; that of a graph stands for all nodes inside.
  public var keep: [String] = []
  /// Whether the first node with weights, in the order in which the network runs, is not changed.
  public var keepsFirst = false
  /// Whether the last node with weights is not changed.
  public var keepsLast = false
  /// Whether batch-norm is first folded into the weights before it, where that is exact.
  public var foldsBatchNorm = true
  /// Frames on which the scales of int8 weights are chosen; nil uses the largest weight of each
  /// channel. bfloat16 has no scales: there frames only measure the error.
  public var calibration: SampleFrames?

  public init() {}
}

extension QuantizationOptions {
  /// The nodes that are not changed, among those with weights, which are in order of evaluation.
  func kept(among weighted: [String]) throws(ArcuateError) -> Set<String> {
    var kept = Set<String>()
    for name in keep {
      let found = weighted.filter { $0 == name || $0.hasPrefix(name + "/") }
      guard !found.isEmpty else {
        let known = weighted.prefix(8).map { "\"\($0)\"" }.joined(separator: ", ")
        throw ArcuateError(
          .notFound,
          "no node \"\(name)\" has weights; "
            + (weighted.isEmpty
              ? "nor does any other" : "use one of \(known)" + (weighted.count > 8 ? ", ..." : "")))
      }
      kept.formUnion(found)
    }
    if keepsFirst, let first = weighted.first { kept.insert(first) }
    if keepsLast, let last = weighted.last { kept.insert(last) }
    return kept
  }
}
