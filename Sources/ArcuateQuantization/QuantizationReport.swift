import ArcuateCore

/// The effect of quantization, node by node.
public struct QuantizationReport: Sendable, Equatable, CustomStringConvertible {
  public struct Node: Sendable, Equatable {
    /// As `graph/node` where it is nested.
    public let name: String
    public let kind: String
    /// The types of the weights before and after.
    public let before: Tensor.Element
    public let after: Tensor.Element
    public let weights: Int
    /// Of the weights and their scales.
    public let bytesBefore: Int
    public let bytesAfter: Int
    /// The root of the sum of squares of the change over that of the weights.
    public let weightError: Double
    /// The error expected in the node's output, where each weight counts by the mean square of its
    /// input; nil without calibration, and for nodes that are kept.
    public let outputError: Double?
    /// The same with the scales of no calibration.
    public let plainOutputError: Double?

    init(_ name: String, _ kind: String, _ weight: Tensor, _ narrow: NarrowWeight) {
      self.name = name
      self.kind = kind
      before = weight.element
      after = narrow.tensor.element
      weights = weight.count
      bytesBefore = weight.bytes.count + 4 * weight.scales.count
      bytesAfter = narrow.tensor.bytes.count + 4 * narrow.tensor.scales.count
      weightError = narrow.weightError.relative
      outputError = narrow.outputError?.relative
      plainOutputError = narrow.plainOutputError?.relative
    }
  }

  public let element: Tensor.Element
  /// Frames and steps used for calibration, of all streams; 0 without calibration.
  public let frames: Int
  public let steps: Int
  /// Every node with weights, in the order of the model.
  public internal(set) var nodes: [Node] = []

  init(element: Tensor.Element, frames: Int, steps: Int) {
    self.element = element
    self.frames = frames
    self.steps = steps
  }

  public var bytesBefore: Int { nodes.reduce(0) { $0 + $1.bytesBefore } }
  public var bytesAfter: Int { nodes.reduce(0) { $0 + $1.bytesAfter } }

  /// A table; each line ends with a newline.
  public var description: String {
    let isCalibrated = frames > 0
    var head = ["node", "kind", "weights", "from", "to", "bytes", "before", "weight error"]
    if isCalibrated { head += ["output error", "uncalibrated"] }
    func percent(_ ratio: Double?) -> String { ratio.map { fixed(100 * $0, 3) + " %" } ?? "-" }
    var rows = nodes.map { node in
      [
        node.name, node.kind, "\(node.weights)", node.before.name, node.after.name,
        "\(node.bytesAfter)", "\(node.bytesBefore)", percent(node.weightError),
      ] + (isCalibrated ? [percent(node.outputError), percent(node.plainOutputError)] : [])
    }
    let weights = nodes.reduce(0) { $0 + $1.weights }
    rows.append(
      ["total", "", "\(weights)", "", "", "\(bytesAfter)", "\(bytesBefore)", ""]
        + (isCalibrated ? ["", ""] : []))
    let method =
      isCalibrated
      ? "calibrated on \(frames) frames, \(steps) steps" : "not calibrated"
    // Without trailing spaces.
    let lines = textTable(head, rightAligned: [2, 5, 6, 7, 8, 9], rows).map { line in
      String(line.reversed().drop { $0 == " " }.reversed())
    }
    return (["weights as \(element.name), \(method)"] + lines).joined(separator: "\n") + "\n"
  }
}

extension Tensor.Element {
  /// The name in options and reports.
  public var name: String {
    switch self {
    case .float32: "float32"
    case .bfloat16: "bfloat16"
    case .int8: "int8"
    }
  }
}
