import ArcuateCore
import ArcuateModel

/// The choices of a conversion, layer by layer.
public struct ConversionReport: Sendable, Equatable, CustomStringConvertible {
  public struct Layer: Sendable, Equatable {
    /// The ReLU, and the neurons in its place.
    public let name: String
    public let neurons: Int
    /// The activation that a rate of one spike per step represents.
    public let scale: Float
    /// The largest activation on the frames; nil without frames.
    public let largest: Float?
  }

  public let options: ConversionOptions
  /// Frames that were run, of all streams.
  public let frames: Int
  /// In order of evaluation.
  public let layers: [Layer]
  /// Other changes, one line each.
  public let notes: [String]

  init(
    _ network: ConvertibleNetwork, _ options: ConversionOptions, _ scales: Scales,
    largest: [String: Float], frames: Int
  ) {
    self.options = options
    self.frames = frames
    layers = network.rectifiers.map { i in
      let name = network.model.nodes[i].name
      return Layer(
        name: name, neurons: network.checked.shapes[i].count, scale: scales.neurons[name] ?? 1,
        largest: largest[name])
    }
    var notes = network.notes
    let gates = network.order.filter { i in
      network.model.nodes[i].op.conversionRole == .maximumPooling
        && (options.input != .constant || network.followsNeurons(i))
    }
    if !gates.isEmpty {
      let names = gates.map { "\"\(network.model.nodes[$0].name)\"" }.joined(separator: ", ")
      notes.append("max pooling counts spikes (SpikeMaxPool2d): \(names)")
    }
    for (output, tail) in network.tails.sorted(by: { $0.key < $1.key }) {
      let dropped =
        options.readout == .mean ? [] : Array(tail.drop { $0.op.isRectifier })
      guard !dropped.isEmpty else { continue }
      let names = dropped.map { "\"\($0.name)\" (\($0.op.kindName))" }.joined(separator: ", ")
      notes.append("dropped before output \"\(output)\", which shows potentials: \(names)")
    }
    if let dead = layers.first(where: { $0.largest == 0 }) {
      notes.append("never active on the frames: \"\(dead.name)\"; its scale is 1")
    }
    self.notes = notes
  }

  /// A table; each line ends with a newline.
  public var description: String {
    let method =
      switch options.balancing {
      case .data(let percentile):
        percentile == 100
          ? "data-based, largest activation" : "data-based, percentile \(percentile)"
      case .model: "model-based"
      case .spikeNorm(let factor):
        "spike-norm, \(options.searchSteps) steps" + (factor == 1 ? "" : ", times \(factor)")
      }
    let rows = layers.map {
      ["\($0.name)", "\($0.neurons)", "\($0.scale)", $0.largest.map { "\($0)" } ?? "-"]
    }
    return
      ([
        "balanced \(method)" + (frames > 0 ? ", on \(frames) frames" : ""),
        "input \(options.input.rawValue), bias \(options.bias.rawValue), "
          + "readout \(options.readout.rawValue)",
      ]
      + textTable(
        ["neurons", "count", "scale", "largest activation"], rightAligned: [1, 2, 3], rows)
      + notes).joined(separator: "\n") + "\n"
  }
}
