import Arcuate
import Testing

/// Gated recurrent units against a loop written from the equations, in double precision.
@Suite struct GRUTests {
  static let (inputs, units, batch, steps) = (7, 19, 3, 11)

  static func tensor(_ shape: [Int], _ stream: UInt32) throws -> Tensor {
    let random = CounterRandom(seed: 5)
    let shape = try Shape(shape)
    return try Tensor(
      (0..<shape.count).map { random.uniform(stream: stream, step: 0, index: UInt32($0)) - 0.5 },
      shape: shape)
  }

  static func gru(bias: Bool = true) throws -> GRU {
    GRU(
      inputWeight: try tensor([3 * units, inputs], 1),
      hiddenWeight: try tensor([3 * units, units], 2),
      inputBias: bias ? try tensor([3 * units], 3) : nil,
      hiddenBias: bias ? try tensor([3 * units], 4) : nil)
  }

  static func model(_ gru: GRU) throws -> Model {
    Model.chain([
      ("in", .input(shape: try Shape([inputs]))), ("gru", .gru(gru)),
      ("out", .output(shape: try Shape([units]))),
    ])
  }

  /// [steps][batch][inputs]
  static func frames() throws -> [Float] { try tensor([steps * batch * inputs], 9).floats }

  static func session(_ gru: GRU, batch: Int = batch, threads: Int = 1) throws -> Session {
    var options = CompileOptions()
    (options.batch, options.threads) = (batch, threads)
    return try model(gru).compile(options).makeSession()
  }

  /// [steps][units], of one stream.
  static func reference(_ gru: GRU, _ x: [[Float]]) -> [[Double]] {
    func row(_ weight: Tensor, _ bias: Tensor?, _ k: Int, _ x: [Double]) -> Double {
      let w = weight.floats
      return x.indices.reduce(Double(bias?.floats[k] ?? 0)) {
        $0 + Double(w[k * x.count + $1]) * x[$1]
      }
    }
    func sigmoid(_ x: Double) -> Double { 0.5 * (1 + tanh(x / 2)) }
    func tanh(_ x: Double) -> Double {
      // A series of exp would need Foundation: (e^2x - 1) / (e^2x + 1) by squaring.
      var (sum, term) = (1.0, 1.0)
      for k in 1..<30 { term *= x / 512 / Double(k); sum += term }
      for _ in 0..<10 { sum *= sum }
      return (sum - 1) / (sum + 1)
    }
    var h = [Double](repeating: 0, count: units)
    return x.map { step in
      let x = step.map(Double.init)
      h = (0..<units).map { i in
        func gate(_ k: Int) -> (Double, Double) {
          (
            row(gru.inputWeight, gru.inputBias, k * units + i, x),
            row(gru.hiddenWeight, gru.hiddenBias, k * units + i, h)
          )
        }
        let (r, z, n) = (gate(0), gate(1), gate(2))
        let update = sigmoid(z.0 + z.1)
        return (1 - update) * tanh(n.0 + sigmoid(r.0 + r.1) * n.1) + update * h[i]
      }
      return h
    }
  }

  @Test(arguments: [true, false], [1, 2])
  func agreesWithTheEquations(bias: Bool, threads: Int) throws {
    let gru = try Self.gru(bias: bias)
    let frames = try Self.frames()
    let out = try Self.session(gru, threads: threads).run(frames: Self.steps, [frames])[0]
    for b in 0..<Self.batch {
      let x = (0..<Self.steps).map { t in
        Array(frames[(t * Self.batch + b) * Self.inputs..<(t * Self.batch + b + 1) * Self.inputs])
      }
      for (t, row) in Self.reference(gru, x).enumerated() {
        for i in 0..<Self.units {
          let y = Double(out[(t * Self.batch + b) * Self.units + i])
          #expect((y - row[i]).magnitude < 1e-5, "step \(t), stream \(b), unit \(i)")
        }
      }
    }
  }

  @Test func chunksResetsAndSnapshotsKeepTheBits() throws {
    let gru = try Self.gru()
    let frames = try Self.frames()
    let row = Self.batch * Self.inputs
    let whole = try Self.session(gru).run(frames: Self.steps, [frames])[0]
    let session = try Self.session(gru)
    var parts: [Float] = []
    for range in [0..<1, 1..<5, 5..<Self.steps] {
      if range.lowerBound == 5 {
        let saved = session.save()
        session.reset()
        _ = try session.run(frames: 2, [Array(frames.prefix(2 * row))])
        try session.restore(Bytes(saved))
      }
      parts += try session.run(
        frames: range.count, [Array(frames[range.lowerBound * row..<range.upperBound * row])])[0]
    }
    #expect(parts == whole)
    session.reset()
    #expect(try session.run(frames: Self.steps, [frames])[0] == whole)
  }

  @Test func aFileKeepsIt() throws {
    let model = try Self.model(try Self.gru())
    let bytes = try SafetensorsFile.encode(model)
    #expect(try SafetensorsFile.parse(Bytes(bytes)).model.nodes == model.nodes)
  }

  @Test func wrongShapesAreRefused() throws {
    var gru = try Self.gru()
    gru.hiddenWeight = try Self.tensor([3 * Self.units, Self.units + 1], 2)
    #expect(try Self.model(gru).check().checked == nil)
    var other = try Self.gru()
    other.inputBias = try Self.tensor([Self.units], 2)
    #expect(try Self.model(other).check().checked == nil)
  }
}
