import Arcuate
import Testing

@testable import ArcuateFormats

/// Texts in which one number after the other is replaced by numbers at the edges of types: every
/// result is a model, which compiles and trains or says why not, or an error; never a trap.
@Suite struct NumberEdgesTests {
  static let edges = [
    "-9223372036854775808", "9223372036854775807", "18446744073709551616", "-1", "0",
    "-2147483649", "4294967296", "-1099511627776", "1e16", "-1e38", "1e-45", "1e400", "0.5",
  ]

  /// The ranges of the numbers in a text; the digits of a name are not a number.
  static func numbers(_ text: [UInt8]) -> [Range<Int>] {
    func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
    func isPart(_ byte: UInt8) -> Bool { isDigit(byte) || "+-.eE".utf8.contains(byte) }
    var found: [Range<Int>] = []
    var at = 0
    while at < text.count {
      let isStart = isDigit(text[at]) || text[at] == 45
      guard isStart, at > 0, " [(=:,\n".utf8.contains(text[at - 1]) else {
        at += 1
        continue
      }
      var end = at + 1
      while end < text.count, isPart(text[end]) { end += 1 }
      found.append(at..<end)
      at = end
    }
    return found
  }

  /// Calls `body` with each number replaced by the least Int and two other edges in turn, and returns
  /// how many numbers there were.
  static func replacing(_ text: [UInt8], _ body: ([UInt8]) -> Void) -> Int {
    let places = numbers(text)
    for (n, place) in places.enumerated() {
      let others = [2 * n, 2 * n + 1].map { 1 + $0 % (edges.count - 1) }
      for edge in [0] + others {
        body(
          Array(text[..<place.lowerBound]) + Array(edges[edge].utf8)
            + Array(text[place.upperBound...]))
      }
    }
    return places.count
  }

  static func use(_ bytes: [UInt8]) {
    guard let (model, _) = try? ModelFile.parse(Bytes(bytes)), model.check().checked != nil else {
      return
    }
    // What a graph alone asks for may be large; it is its numbers that are tried here.
    guard model.nodes.allSatisfy({ $0.op.kind.parameterCount < 1 << 20 }) else { return }
    var options = CompileOptions()
    options.dt_s = model.dt_s == nil ? 1e-3 : nil
    guard let plan = try? model.compile(options), plan.arenaByteCount < 1 << 28 else { return }
    _ = try? plan.makeSession()
    var training = TrainingOptions()
    training.gradient.dt_s = options.dt_s
    _ = try? Trainer(model, training)
  }

  @Test func edgesInLayerLists() {
    for layers in [
      """
      {"kind": "convolution", "channels": 4, "kernel": [3, 2], "stride": 2, "padding": [1, 0],
       "groups": 2, "dilation": 1}, {"kind": "group_norm", "groups": 2, "epsilon": 1e-5},
      {"kind": "max_pooling", "kernel": 2, "padding": 0}, {"kind": "flatten"},
      {"kind": "bernoulli", "gain": 0.5, "seed": 3}, {"kind": "linear", "size": 5},
      {"kind": "lif", "tau": 0.02, "threshold": 1, "per_neuron": true}
      """,
      """
      {"kind": "flatten"}, {"kind": "linear", "size": 5}, {"kind": "lif", "beta": 0.5},
      {"kind": "cuba_li", "tau_syn": 0.01, "tau_mem": 0.02}, {"kind": "gru", "size": 3},
      {"kind": "scale", "factor": 2}
      """,
    ] {
      let text = """
        {"input": [2, 8, 8], "seed": 1, "dt_s": 0.001, "layers": [\(layers)]}
        """
      #expect((try? ModelFile.parse(Bytes(Array(text.utf8)))) != nil)
      #expect(Self.replacing(Array(text.utf8)) { bytes in Self.use(bytes) } > 10)
    }
  }

  @Test func edgesInSafetensors() throws {
    var rule = PlasticRule(post: "lif", [])
    rule.modulator = PlasticRule.Modulator(.signal("s"), .compartments([0, 1, 1]))
    rule.firstStep = 3
    var plastic = Samples.small
    plastic.nodes[1].op = .plastic(
      .linear(PlasticLinear(weight: Samples.tensor(3, 2), rule: rule)))
    for model in [plastic, Samples.nir, Samples.extended] {
      let bytes = try SafetensorsFile.encode(model)
      let length = (0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
      let places = Self.replacing(Array(bytes[8..<8 + length])) { header in
        var count = header.count
        let size = (0..<8).map { _ in
          defer { count >>= 8 }
          return UInt8(count & 255)
        }
        Self.use(size + header + bytes[(8 + length)...])
      }
      #expect(places > 20)
    }
  }

  @Test func edgesInNnet3() {
    var text = Nnet3HostileTests.text()
    text += Array("\n".utf8)
    #expect(Self.replacing(text) { bytes in Self.use(bytes) } > 40)
  }

  @Test func edgesInRules() {
    let text = """
      {"post": "relu2", "terms": [{"event": "step", "pre": "value", "post": "one", "rate": 0.5}],
       "first_step": 3, "bounds": [-1, 1], "column_sum": 2, "map": {"compartments": [0, 1]},
       "modulator": {"signal": "s", "scale": 1, "dead_zone": 0, "limit": 3}}
      """
    #expect(
      Self.replacing(Array(text.utf8)) { bytes in
        _ = try? PlasticRule(text: String(decoding: bytes, as: UTF8.self))
      } > 9)
    let least = "{\"post\": \"a\", \"terms\": [], \"first_step\": -9223372036854775808}"
    #expect(throws: ArcuateError.self) { try PlasticRule(text: least) }
  }

  /// Extents beside a zero were not bounded: products of them overflowed.
  @Test func extentsBesideAZeroAreBounded() {
    #expect(throws: ArcuateError.self) { try Shape([0, 1 << 41]) }
    #expect(throws: ArcuateError.self) { try Shape([1 << 30, 0, 1 << 30]) }
    #expect((try? Shape([0, 1 << 40]))?.count == 0)
  }

  @Test func aDelayBeyondAnyStepIsRefusedInTrainingToo() throws {
    var model = Model.chain([
      ("in", .input(shape: [1])), ("d", .delay(Tensor(scalar: 1e16))), ("out", .output(shape: [1])),
    ])
    model.dt_s = 1e-3
    for refused in [
      #expect(throws: ArcuateError.self) { try model.compile() },
      #expect(throws: ArcuateError.self) { try Trainer(model, TrainingOptions()) },
    ] {
      #expect(refused?.code == .cannotCompile && refused?.location == "node \"d\"")
    }
  }

  @Test func conversionsAtTheEdges() {
    #expect(Int(bounding: .nan, -3...4) == -3)
    #expect(Int(bounding: .infinity, 0...Int.max) == .max)
    #expect(Int(bounding: -1e300, Int.min...0) == .min)
    #expect(Int(bounding: 2.9, 0...4) == 2)
    #expect(Int(text: "-9223372036854775808") == .min && Int(text: "9223372036854775808") == nil)
  }
}
