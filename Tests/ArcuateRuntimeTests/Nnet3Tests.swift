import Arcuate
import ArcuateData
import ArcuateTestSupport
import Foundation
import Testing

extension Double {
  static func naturalLogarithm(_ x: Double) -> Double { Foundation.log(x) }
  static func hyperbolicTangent(_ x: Double) -> Double { Foundation.tanh(x) }
}

/// Kaldi's nnet3 models: against what nnet3-compute gave, and against their definition.
@Suite struct Nnet3Tests {
  static func note(_ model: Model, _ name: String) -> Int {
    guard case .number(let number) = model.metadata[name] else { return -1 }
    return Int(number)
  }

  /// One utterance as the metadata says: edges repeated, what comes before the first frame dropped.
  static func run(
    _ model: Model, _ frames: [[Float]], chunk: Int = 1000,
    _ change: (inout CompileOptions) -> Void = { _ in }
  ) throws -> [[Float]] {
    let (left, late) = (note(model, "left_context"), note(model, "latency"))
    var options = CompileOptions()
    change(&options)
    let session = try model.compile(options).makeSession()
    let padded =
      [[Float]](repeating: frames[0], count: left) + frames
      + [[Float]](repeating: frames[frames.count - 1], count: late)
    var rows: [[Float]] = []
    var at = 0
    while at < padded.count {
      let part = padded[at..<min(at + chunk, padded.count)]
      let input = part.flatMap { frame in (0..<options.batch).flatMap { _ in frame } }
      let out = try session.run(frames: part.count, [input])[0]
      let width = out.count / part.count
      // Every stream was given the same, so the last will do.
      let own = width / options.batch
      rows += part.indices.map { i in
        let start = (i - at) * width + width - own
        return Array(out[start..<start + own])
      }
      at += part.count
    }
    return Array(rows[(left + late)...])
  }

  // MARK: Recordings

  static func matrix(_ path: String) throws -> KaldiMatrix {
    let reader = try KaldiTableReader("ark:\(path)", expecting: .matrix)
    guard case .matrix(let matrix) = try #require(try reader.next()).value else { fatalError() }
    return matrix
  }

  static func rows(_ matrix: KaldiMatrix) -> [[Float]] {
    (0..<matrix.rows).map {
      Array(matrix.values[$0 * matrix.columns..<($0 + 1) * matrix.columns])
    }
  }

  static var folder: String { dataFolder! + "/kaldi/nnet3-tract" }
  static var folders: [String] {
    guard dataFolder != nil else { return [] }
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
      .filter { FileManager.default.fileExists(atPath: "\(folder)/\($0)/output.ark") }.sorted()
  }

  /// All 31 models, binary and text, to 1e-4 of the largest output, which is printed with six or
  /// seven digits. One of them loses more than that bare: it is a recurrence that doubles whatever
  /// rounding there is at every step, so that Kaldi's own output is 1e-4 from float64.
  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
  func whatKaldiComputed() throws {
    #expect(Self.folders.count == 31)
    var bare = 0
    for name in Self.folders {
      let folder = "\(Self.folder)/\(name)"
      let input = Self.rows(try Self.matrix("\(folder)/input.ark"))
      let expected = try Self.matrix("\(folder)/output.ark")
      let every = try #require(
        Int(try String(contentsOfFile: "\(folder)/subsampling", encoding: .utf8)))
      let largest = expected.values.reduce(1) { max($0, abs($1)) }
      for file in ["model.raw", "model.raw.txt"] {
        let (model, findings) = try ModelFile.read("\(folder)/\(file)")
        #expect(findings.isEmpty)
        let rows = try Self.run(model, input)
        #expect(rows.count == input.count)
        let kept = stride(from: 0, to: rows.count, by: every).flatMap { rows[$0] }
        try #require(kept.count == expected.values.count, "\(name)/\(file)")
        let difference = zip(kept, expected.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(difference <= 1e-4 * largest, "\(name)/\(file): \(difference) of \(largest)")
        if difference <= 1e-4 { bare += 1 }
      }
    }
    #expect(bare >= 2 * 29)
  }

  /// A transition model before the network is passed over.
  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
  func acousticModels() throws {
    let folder = Self.folder + "/delay_5_D20_T259_S3"
    let (acoustic, _) = try ModelFile.read(folder + "/final.mdl")
    let (raw, _) = try ModelFile.read(folder + "/model.raw")
    #expect(acoustic.nodes == raw.nodes && acoustic.edges == raw.edges)
    #expect(Self.note(acoustic, "latency") == 5)
  }

  /// Batches, threads, chunks, snapshots and a way through safetensors: the same bits.
  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
  func everyWayOfRunning() throws {
    for name in ["lstm_15-7-8_T30_S2_delay2", "ngaffine_17x3_T29_S1_o-3_0_3"] {
      let folder = "\(Self.folder)/\(name)"
      let input = Self.rows(try Self.matrix("\(folder)/input.ark"))
      let (model, _) = try ModelFile.read("\(folder)/model.raw")
      let expected = try Self.run(model, input)
      #expect(try Self.run(model, input, chunk: 1) == expected)
      #expect(try Self.run(model, input, chunk: 4) { ($0.batch, $0.threads) = (3, 2) } == expected)
      let again = try SafetensorsFile.parse(Bytes(try SafetensorsFile.encode(model))).model
      #expect(again == model)
      #expect(try Self.run(again, input) == expected)
    }
  }

  // MARK: Definition

  struct Draw {
    var dice: Dice
    mutating func matrix(_ rows: Int, _ columns: Int, _ scale: Float = 0.7) -> [[Double]] {
      (0..<rows).map { _ in (0..<columns).map { _ in Double(dice.uniform(-scale, scale)) } }
    }
    mutating func vector(_ count: Int) -> [Double] { matrix(1, count, 0.5)[0] }
    mutating func affine(_ rows: Int, _ columns: Int) -> Nnet3Network.Component {
      .affine(matrix(rows, columns), vector(rows))
    }
  }

  /// Splices before, around and after cells with delays of 1 to 3 frames, so that cells must begin
  /// with the first frame that can be computed and not with the first step.
  static func network(_ seed: UInt64) -> Nnet3Network {
    var draw = Draw(dice: Dice(seed))
    let back = draw.dice.integer(1...3)
    let (before, ahead) = (draw.dice.integer(0...3), draw.dice.integer(0...3))
    let last = draw.dice.integer(-4...4)
    var net = Nnet3Network(
      inputDim: 3,
      output: .offset(.sum(.node("last"), .scale(0.5, .offset(.node("last"), last))), last / 2))
    let input = Nnet3Network.Source.node("input")
    func at(_ s: Nnet3Network.Source, _ t: Int) -> Nnet3Network.Source { .offset(s, t) }
    net.nodes = [
      ("tdnn", .tdnn(draw.matrix(6, 9), draw.vector(6), [-before, 0, ahead]), input),
      ("relu", .relu(6), .node("tdnn")),
      ("norm", .batchNorm(draw.vector(3), [0.5, 1, 2]), .append([.node("relu")])),
      (
        "four", draw.affine(16, 11),
        .append([
          at(.node("norm"), 1), .ifDefined(at(.part("r", 4, 3), -back)),
          .const(0.3, 1), .part("head", 1, 1),
        ])
      ),
      (
        "cell", .lstm(draw.matrix(3, 4)),
        .append([.node("four"), .ifDefined(at(.part("c", 0, 4), -back))])
      ),
      ("trunc", .noOp(8), .node("cell")),
      ("rms", .normalize(8, log: true), .append([.node("cell")])),
      ("times", .product(4), .append([.part("m", 4, 4), at(.part("c2", 0, 4), -1)])),
      (
        "last", draw.affine(2, 20),
        .append([
          at(.node("rms"), -1), .part("m", 4, 4), .ifDefined(at(input, -2)), .node("times"),
        ])
      ),
    ]
    net.ranges = [
      ("c", "trunc", 0, 4), ("r", "trunc", 4, 3), ("c2", "cell", 0, 4), ("m", "cell", 4, 4),
      ("head", "norm", 1, 1),
    ]
    return net
  }

  @Test(arguments: 1...40 as ClosedRange<UInt64>) func asDefined(seed: UInt64) throws {
    let net = Self.network(seed)
    let (model, findings) = try ModelFile.parse(Bytes(Array(net.text.utf8)))
    #expect(findings.isEmpty)
    #expect(Self.note(model, "left_context") == max(0, net.context.left))
    #expect(Self.note(model, "right_context") == max(0, net.context.right))
    var dice = Dice(seed &+ 100)
    let frames = (0..<12).map { _ in (0..<3).map { _ in dice.uniform(-2, 2) } }
    let own = try Self.run(model, frames)
    let expected = net.run(frames.map { $0.map(Double.init) })
    #expect(own.count == expected.count)
    for (t, (a, b)) in zip(own, expected).enumerated() {
      for (x, y) in zip(a, b) {
        #expect(abs(Double(x) - y) < 1e-4, "seed \(seed), frame \(t): \(x), not \(y)")
      }
    }
  }

  /// What is the same at every frame is not delayed with the frames; other outputs are left out.
  @Test func inputsOfOneTime() throws {
    let text = """
      <Nnet3> 
      input-node name=input dim=1
      input-node name=ivector dim=1
      component-node name=sum component=sum input=Append(Offset(input, 1), ReplaceIndex(ivector, t, 0))
      component-node name=unused component=sum input=Append(input, input)
      output-node name=output input=sum objective=linear
      output-node name=output-xent input=sum objective=linear

      <NumComponents> 1
      <ComponentName> sum <LinearComponent> <Params> [
        1 10 ]
      </LinearComponent> 
      </Nnet3> 
      """
    let (model, findings) = try ModelFile.parse(Bytes(Array(text.utf8)))
    #expect(findings.map(\.severity) == [.note, .note])
    #expect(Self.note(model, "latency") == 1)
    let session = try model.compile().makeSession()
    #expect(session.plan.inputs.map(\.name) == ["input", "ivector"])
    var last: [Float] = []
    for t in 0..<4 { last = try session.step([[Float(t)], [0.5]])[0] }
    #expect(last == [8])
  }

  /// With what a network waits for comes no more delay than it needs.
  @Test func latencyIsTheLookahead() throws {
    for seed in 1...40 as ClosedRange<UInt64> {
      let net = Self.network(seed)
      let (model, _) = try ModelFile.parse(Bytes(Array(net.text.utf8)))
      #expect(Self.note(model, "latency") == max(0, net.context.right))
    }
  }
}
