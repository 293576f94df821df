import Arcuate
import ArcuateConsole

/// Builds a chain of layers, each with the gain at which its neurons fire at a given rate on random
/// inputs.
///
/// Nothing else is fitted; the rates in the report are measured on other inputs.
struct Calibration {
  /// A layer: a chain of nodes, and nodes and edges beside the chain.
  struct Layer {
    var chain: [Model.Node]
    var beside: [Model.Node] = []
    var edges: [Model.Edge] = []
  }

  let streams: Int
  let steps: Int
  /// The input of the next layer: [steps][streams][shape].
  private var signal: [Float]
  private var shape: Shape
  /// The network so far, without its output port.
  private var model: Model
  private var last = "input"

  /// Layers have the semantics and the time step of `model`.
  init(streams: Int, steps: Int, signal: [Float], shape: Shape, like model: Model) {
    self.streams = streams
    self.steps = steps
    self.signal = signal
    self.shape = shape
    self.model = model
    self.model.nodes = [.init("input", .input(shape: shape))]
    self.model.edges = []
  }

  /// Appends a layer whose `neurons` fire in a fraction `rate` of the steps.
  mutating func append(
    rate: Double, of neurons: String, _ build: (_ gain: Float) throws -> Layer
  ) throws {
    var gain: Float = 1
    for attempt in 1...16 {
      let layer = try build(gain)
      var alone = model
      // Calibration runs single steps, whatever the metadata of the network states.
      alone.metadata = [:]
      alone.nodes = [.init("input", .input(shape: shape))]
      alone.edges = []
      try Calibration.close(&alone, with: layer, after: "input", shape)
      var options = CompileOptions()
      options.batch = streams
      let session = try alone.compile(options).makeSession()
      let output = try session.run(frames: steps, [signal])[0]
      let counters = try session.counters(of: neurons)
      let index = session.plan.nodeNames.firstIndex(of: neurons)!
      let neuronSteps = session.plan.nodeShapes[index].count * Int(counters.rows)
      let measured = Double(counters.spikes) / Double(max(neuronSteps, 1))
      guard attempt == 16 || abs(measured - rate) < 0.02 * rate else {
        // If the threshold is rarely reached, the rate grows faster than the gain.
        gain *= measured == 0 ? 2 : Float(min(2, max(0.5, (rate / measured).squareRoot())))
        continue
      }
      Calibration.add(layer, to: &model, after: last)
      last = layer.chain[layer.chain.count - 1].name
      signal = output
      shape = session.plan.outputs[0].shape
      return
    }
  }

  /// The complete network, with this layer as the last.
  func finished(with layer: Layer) throws -> Model {
    var whole = model
    try Calibration.close(&whole, with: layer, after: last, shape)
    return whole
  }

  private static func add(_ layer: Layer, to model: inout Model, after name: String) {
    var from = name
    for node in layer.chain {
      model.nodes.append(node)
      model.edges.append(.init(from, node.name))
      from = node.name
    }
    model.nodes += layer.beside
    model.edges += layer.edges
  }

  private static func close(
    _ model: inout Model, with layer: Layer, after name: String, _ shape: Shape
  ) throws {
    add(layer, to: &model, after: name)
    var shape = shape
    for node in layer.chain { shape = try node.op.outputShape(for: shape) ?? shape }
    model.nodes.append(.init("output", .output(shape: shape)))
    model.edges.append(.init(layer.chain.last?.name ?? name, "output"))
  }
}

extension Tensor {
  /// Each element times the factor, as float32.
  func scaled(by factor: Float) throws -> Tensor {
    try Tensor(floats.map { $0 * factor }, shape: shape)
  }
}
