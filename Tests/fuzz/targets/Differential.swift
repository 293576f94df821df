import ArcuateCore
import ArcuateFormats
import ArcuateModel
import ArcuateRuntime

/// Bytes as a network of vectors, its inputs, and the way it is run: with exact numerics, batch,
/// threads and chunks change no bit.
@Sendable func fuzzDifferential(_ bytes: Bytes) throws {
  var draw = Draw(bytes)
  let model = draw.network()
  let batch = 1 + draw.below(4)
  let threads = 1 + draw.below(3)
  let frames = 1 + draw.below(12)
  let chunk = 1 + draw.below(5)
  var options = CompileOptions()
  options.stepsPerFrame = 1 + draw.below(4)
  options.frameState = draw.below(4) == 0 ? .reset : .keep
  options.frameOutput = [.last, .sum, .mean, .every][draw.below(4)]
  let size =
    model.check().checked.flatMap { checked in
      checked.inputs.first.map { checked.shapes[$0].count }
    } ?? 0
  let density = Float(1 + draw.below(8)) / 8
  let isSpikes = draw.below(2) == 0
  let streams = (0..<batch).map { _ in
    (0..<frames).map { _ in (0..<size).map { _ in draw.input(density, isSpikes) } }
  }
  guard size > 0 else { _ = try model.compile(options).makeSession(); return }

  // Each stream by itself, frame by frame.
  let alone = try streams.map { stream in
    let session = try model.compile(options).makeSession()
    return try stream.map { try session.run(frames: 1, [$0]) }
  }
  options.batch = batch
  options.threads = threads
  let session = try model.compile(options).makeSession()
  let rows = options.frameOutput == .every ? options.stepsPerFrame : 1
  var t = 0
  while t < frames {
    let count = min(chunk, frames - t)
    let input = (t..<t + count).flatMap { t in streams.flatMap { $0[t] } }
    let found = try session.run(frames: count, [input])
    for (port, values) in found.enumerated() {
      // [frames][rows][batch][width]
      let width = values.count / (count * rows * batch)
      for n in 0..<count * rows {
        for b in 0..<batch {
          let expected = alone[b][t + n / rows][port]
          for k in 0..<width {
            let (x, y) = (values[(n * batch + b) * width + k], expected[n % rows * width + k])
            guard x.bitPattern == y.bitPattern || x.isNaN && y.isNaN else {
              fatalError("frame \(t + n / rows), stream \(b), element \(k): \(x), alone \(y)")
            }
          }
        }
      }
    }
    t += count
  }
}

/// Small decisions by bytes; zeros when there are none left.
private struct Draw {
  private let bytes: Bytes
  private var at = 0
  private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

  init(_ bytes: Bytes) { self.bytes = bytes }

  mutating func below(_ count: Int) -> Int {
    let byte = (try? bytes.byte(at: at)) ?? 0
    at += 1
    state = state &* 6_364_136_223_846_793_005 &+ UInt64(byte) &+ 1
    return Int(byte) % count
  }

  /// Within -1 ..< 1, by all bytes so far.
  mutating func number() -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int32(truncatingIfNeeded: state >> 33)) / Float(1 << 31)
  }

  mutating func input(_ density: Float, _ isSpikes: Bool) -> Float {
    let isThere = abs(number()) < density
    let value = number()
    return isThere ? (isSpikes ? 1 : value) : 0
  }

  mutating func vector(_ count: Int, _ low: Float, _ high: Float) -> Tensor {
    Tensor(vector: (0..<count).map { _ in low + (high - low) * (number() + 1) / 2 })
  }

  private mutating func matrix(_ post: Int, _ pre: Int) -> Tensor {
    let kept = Float(1 + below(4)) / 4
    return try! Tensor(
      (0..<post * pre).map { _ in abs(number()) < kept ? number() : 0 }, shape: Shape([post, pre]))
  }

  private mutating func width() -> Int { [1, 2, 7, 16, 17, 40, 130][below(7)] }

  mutating func network() -> Model {
    var shape = width()
    var model = Model(nodes: [.init("in", .input(shape: [shape]))])
    var last = "in"
    let count = 1 + below(6)
    for n in 0..<count {
      let name = "n\(n)"
      let (op, after) = node(shape)
      model.nodes.append(.init(name, op))
      model.edges.append(.init(last, name))
      if after == shape, below(3) == 0, let other = model.nodes.dropLast().last(where: isWide) {
        // A connection past a node, or back to an earlier one through a delay.
        if below(2) == 0 {
          model.edges.append(.init(other.name, name))
        } else if other.name != "in" {
          let delay = Tensor(scalar: Float(1 + below(4)) * 1e-3)
          model.nodes.append(.init("d\(n)", .delay(delay)))
          model.edges += [.init(name, "d\(n)"), .init("d\(n)", other.name)]
        }
      }
      func isWide(_ node: Model.Node) -> Bool { node.name == last }
      (last, shape) = (name, after)
    }
    model.nodes.append(.init("out", .output(shape: [shape])))
    model.edges.append(.init(last, "out"))
    if below(4) == 0 {
      model.nodes.append(.init("probe", .output(shape: model.nodes[1].op.outputWidth ?? [shape])))
      model.edges.append(.init("n0", "probe"))
    }
    model.dt_s = 1e-3
    model.semantics.reset = [.toValue, .subtract, .none][below(3)]
    model.semantics.integrator = [.euler, .exponential][below(2)]
    return model
  }

  private mutating func node(_ width: Int) -> (Operator, Int) {
    switch below(12) {
    case 0, 1:
      let post = self.width()
      let bias = below(2) == 0 ? vector(post, -0.5, 0.5) : nil
      return (.linear(Linear(weight: matrix(post, width), bias: bias)), post)
    case 2: return (.sparse(sparse(self.width(), width)), width)
    case 3: return (.activation([.relu, .tanh, .sigmoid, .softmax][below(4)]), width)
    case 4: return (.delay(vector(width, 0, Float(below(6)) * 1e-3)), width)
    case 5: return (.scale(vector(width, -2, 2)), width)
    case 6: return (.threshold(vector(width, 0, 1)), width)
    case 7:
      let text = [
        "state v\nv = 0.8 * v + x\nspike = v > 0.5\nv = spike ? 0 : v",
        "state v, w\nv = 0.9 * v + x - w\nspike = v > 0.7\nv = spike ? -0.1 : v\nw = 0.9 * w + 0.1 * spike",
        "state v\nv = 0.7 * v + tanh(x)\ncount = max(floor(2 * v), 0)\nv = v - 0.5 * count",
        "state integer k\nk = (k >> 1) + integer(8 * x)\nspike = k > 6\nk = spike ? 0 : k",
        "state v\nv = 0.5 * v + x\nvalue = v - total(v) / 8",
        "state v\nv = 0.5 * v + x\nspike = v > 0.2 && winners(v, 2)",
      ][below(6)]
      return (.program(ProgramNeuron(try! NeuronProgram(text))), width)
    default:
      let kind = Neuron.Kind.allCases[below(6)]
      var neuron = Neuron(kind, resistance: vector(width, 0.5, 2))
      if kind.leaks {
        neuron.tauMembrane = vector(width, 0.002, 0.02)
        neuron.leak = vector(width, -0.1, 0.1)
      }
      if kind.hasSynapse { neuron.tauSynapse = vector(width, 0.002, 0.02) }
      if kind.spikes {
        neuron.threshold = below(2) == 0 ? Tensor(scalar: 0.05) : vector(width, 0.001, 0.3)
        neuron.resetValue = vector(width, -0.1, 0)
      }
      return (.neuron(neuron), width)
    }
  }

  /// Listed connections with delays.
  private mutating func sparse(_ post: Int, _ pre: Int) -> SparseLinear {
    var (starts, posts, weights, delays): ([Int64], [Int64], [Float], [Float]) = ([0], [], [], [])
    let longest = below(8)
    for _ in 0..<pre {
      for i in 0..<pre where abs(number()) < 0.3 {
        posts.append(Int64(i))
        weights.append(number())
        delays.append(Float(Int(abs(number()) * Float(longest + 1))) * 1e-3)
      }
      starts.append(Int64(posts.count))
    }
    return SparseLinear(
      post: pre, pre: pre, rowStarts: IndexArray(starts), postIndices: IndexArray(posts),
      weight: Tensor(vector: weights), delay_s: Tensor(vector: delays))
  }
}

extension Operator {
  /// The shape of a matrix' output.
  fileprivate var outputWidth: Shape? {
    if case .linear(let linear) = self { Shape.vector(linear.weight.shape[0]) } else { nil }
  }
}

extension Shape {
  fileprivate static func vector(_ count: Int) -> Shape? { try? Shape([count]) }
}
