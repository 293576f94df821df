import ArcuateCore
import ArcuateModel
import ArcuateRuntime

/// The mean squares of the inputs of nodes with weights.
///
/// Numbers. Summed in float64 over every step of every stream. A back edge counts as zero at the very
/// first step, and at the first step of a frame that begins at rest. Of a frame whose recordings
/// exceed 2^24 numbers, only the first steps are used.
struct InputMoments {
  /// By node: a mean square for each element of a row of the weights, which is the part at one index
  /// of the first axis. Channels of the same group share an array.
  private(set) var rows: [String: [[Double]]] = [:]
  /// Steps that were used, of all streams.
  private(set) var steps = 0

  private static let numbersAtOnce = 1 << 22
  private static let mostNumbers = 1 << 24

  /// Needs. `nodes` are names of linear and convolution nodes of the flattened model.
  init(of model: Model, nodes: Set<String>, on sample: SampleFrames) throws(ArcuateError) {
    var model = model
    if let semantics = sample.options.semantics { model.semantics = semantics }
    let checked = try model.soundly()
    let plan = try model.compile(sample.options)
    try sample.check(against: plan)
    let session = try plan.makeSession()

    var inputs = checked.model.nodes.indices.filter {
      nodes.contains(checked.model.nodes[$0].name)
    }.map { NodeInput(node: $0, checked) }
    let sources = Set(inputs.flatMap { $0.sources.map(\.node) }).sorted()
    let batch = plan.options.batch
    let perFrame = plan.options.stepsPerFrame
    let perStep = max(1, sources.reduce(0) { $0 + checked.shapes[$1].count } * batch)
    let atOnce = max(1, min(sample.frames, Self.numbersAtOnce / perStep / perFrame))
    let capacity = min(atOnce * perFrame, max(1, Self.mostNumbers / perStep))
    var probes: [Int: Probe] = [:]
    for source in sources {
      probes[source] = try session.makeProbe(
        checked.model.nodes[source].name, capacity: capacity)
    }

    var frame = 0
    while frame < sample.frames {
      let count = min(atOnce, sample.frames - frame)
      for probe in probes.values { probe.clear() }
      try InputPorts.with(sample.part(frame..<frame + count, of: plan)) {
        ports throws(ArcuateError) in
        try session.run(
          frames: count, inputs: ports, outputs: .none(portCount: plan.outputs.count))
      }
      let recorded = min(count * perFrame, capacity)
      let values = probes.mapValues { $0.values() }
      for i in inputs.indices {
        inputs[i].add(
          values, steps: recorded, batch: batch,
          frameSteps: plan.options.frameState == .reset ? perFrame : nil)
      }
      steps += recorded * batch
      frame += count
    }
    for input in inputs {
      let node = checked.model.nodes[input.node]
      let means = input.sums.map { $0 / Double(max(1, steps)) }
      guard means.allSatisfy(\.isFinite) else {
        throw ArcuateError(
          .invalidArgument, "its input on these frames is not finite",
          at: "node \"\(node.name)\"")
      }
      rows[node.name] = node.op.momentRows(
        means, input: input.shape, output: checked.shapes[input.node])
    }
  }
}

/// The sum of squares of a node's input.
private struct NodeInput {
  let node: Int
  let shape: Shape
  let sources: [(node: Int, delayed: Bool)]
  var sums: [Double]
  /// The last row of each delayed source, for the next frames.
  private var last: [Int: [Float]] = [:]

  init(node: Int, _ checked: CheckedModel) {
    self.node = node
    sources = checked.edges.enumerated().filter { $1.target == node }.map {
      ($1.source, checked.ordering.backEdges.contains($0))
    }
    // A node without inputs reads zeros, in the shape of its weights.
    shape = sources.first.map { checked.shapes[$0.node] } ?? .scalar
    sums = [Double](repeating: 0, count: sources.isEmpty ? 0 : shape.count)
  }

  /// Adds recordings [steps][batch][shape] of all sources. Needs. As many as `steps` * `batch`.
  mutating func add(_ values: [Int: [Float]], steps: Int, batch: Int, frameSteps: Int?) {
    let size = sums.count
    if sources.count == 1, !sources[0].delayed, let rows = values[sources[0].node] {
      for r in 0..<steps * batch {
        for i in 0..<size {
          let x = Double(rows[r * size + i])
          sums[i] += x * x
        }
      }
      return
    }
    var x = [Float](repeating: 0, count: size)
    for t in 0..<steps {
      for b in 0..<batch {
        for i in 0..<size { x[i] = 0 }
        for source in sources {
          guard let rows = values[source.node] else { continue }
          if !source.delayed {
            for i in 0..<size { x[i] += rows[(t * batch + b) * size + i] }
          } else if let frameSteps, t % frameSteps == 0 {
            continue
          } else if t > 0 {
            for i in 0..<size { x[i] += rows[((t - 1) * batch + b) * size + i] }
          } else if let before = last[source.node] {
            for i in 0..<size { x[i] += before[b * size + i] }
          }
        }
        for i in 0..<size { sums[i] += Double(x[i]) * Double(x[i]) }
      }
    }
    for source in sources where source.delayed && steps > 0 {
      last[source.node] = values[source.node].map { Array($0.suffix(batch * size)) }
    }
  }
}

extension Operator {
  /// The mean square that each weight of a row meets, from that of each element of the input.
  fileprivate func momentRows(_ means: [Double], input: Shape, output: Shape) -> [[Double]] {
    if case .linear(let linear) = self { return linear.momentRows(means) }
    if case .convolution(let convolution) = self {
      return convolution.momentRows(means, input: input, output: output)
    }
    return []
  }
}

extension Linear {
  /// Leading axes of the input alone share the weights: their mean. Leading axes of the weights
  /// are networks side by side, each with an input of its own.
  fileprivate func momentRows(_ means: [Double]) -> [[Double]] {
    let shape = weight.shape
    let pre = shape[shape.rank - 1]
    guard pre > 0, !means.isEmpty else {
      return [[Double](repeating: 0, count: weight.count / max(1, shape[0]))]
    }
    if shape.rank == 2 {
      var row = [Double](repeating: 0, count: pre)
      for (i, mean) in means.enumerated() { row[i % pre] += mean }
      return [row.map { $0 * Double(pre) / Double(means.count) }]
    }
    let post = shape[shape.rank - 2]
    let perRow = means.count / max(1, shape[0])
    return (0..<shape[0]).map { first in
      stride(from: first * perRow, to: (first + 1) * perRow, by: pre).flatMap { start in
        (0..<post).flatMap { _ in means[start..<start + pre] }
      }
    }
  }
}

extension Convolution {
  /// A weight multiplies the elements of its input channel under its position in the kernel; padding
  /// counts as zero.
  fileprivate func momentRows(_ means: [Double], input: Shape, output: Shape) -> [[Double]] {
    // One spatial axis is treated as two, of which the first has one element.
    let extra = axes == 1 ? [1] : []
    let kernel = extra + weight.shape.extents.dropFirst(2)
    guard !means.isEmpty, input.rank == axes + 1, output.rank == axes + 1 else {
      return [[Double](repeating: 0, count: weight.count / max(1, weight.shape[0]))]
    }
    let from = extra + input.extents.dropFirst()
    let to = extra + output.extents.dropFirst()
    let step = extra + stride
    let spread = extra + dilation
    let before = extra.map { _ in 0 } + pads().map(\.before)
    let channels = weight.shape[1]
    let positions = Double(max(1, to[0] * to[1]))
    return (0..<groups).map { group in
      var row: [Double] = []
      row.reserveCapacity(channels * kernel[0] * kernel[1])
      for channel in group * channels..<(group + 1) * channels {
        for ky in 0..<kernel[0] {
          for kx in 0..<kernel[1] {
            var sum = 0.0
            for oy in 0..<to[0] {
              let y = oy * step[0] - before[0] + ky * spread[0]
              guard (0..<from[0]).contains(y) else { continue }
              for ox in 0..<to[1] {
                let x = ox * step[1] - before[1] + kx * spread[1]
                guard (0..<from[1]).contains(x) else { continue }
                sum += means[(channel * from[0] + y) * from[1] + x]
              }
            }
            row.append(sum / positions)
          }
        }
      }
      return row
    }
  }
}
