import ArcuateCore
import ArcuateModel
import ArcuateTestSupport
import Testing

@testable import ArcuateFormats

/// nnet3 models that are cut short, damaged, or ask for what is not there: an error that names the
/// place, never a trap.
@Suite struct Nnet3HostileTests {
  /// A value of a field, written either way.
  enum Value {
    case whole(Int)
    case real(Float)
    case double(Double)
    case bool(Bool)
    case vector([Float])
    case matrix([[Float]])
    case list([Int])
  }

  static let config = """
    input-node name=input dim=2
    component-node name=four component=four input=Append(Offset(input, -1), input, IfDefined(Offset(r, -2)), Const(0.5, 1))
    component-node name=cell component=cell input=Append(four, IfDefined(Offset(c, -1)))
    dim-range-node name=c input-node=cell dim-offset=0 dim=1
    dim-range-node name=r input-node=cell dim-offset=1 dim=1
    component-node name=norm component=norm input=Append(cell, Offset(input, 1))
    component-node name=spliced component=spliced input=Sum(norm, Scale(2, norm))
    component-node name=last component=last input=spliced
    output-node name=output input=last objective=linear

    """

  static func components(_ type: String = "RectifiedLinearComponent") -> [(
    String, String, [(String, Value)]
  )] {
    func numbers(_ rows: Int, _ columns: Int) -> [[Float]] {
      (0..<rows).map { r in (0..<columns).map { Float(r - $0) / 4 } }
    }
    return [
      (
        "four", "NaturalGradientAffineComponent",
        [
          ("MaxChange", .real(0.75)), ("LinearParams", .matrix(numbers(4, 6))),
          ("BiasParams", .vector([0, 1, 2, 3])), ("RankIn", .whole(20)),
          ("IsGradient", .bool(false)),
        ]
      ),
      (
        "cell", "LstmNonlinearityComponent",
        [("Params", .matrix(numbers(3, 1))), ("Count", .double(1))]
      ),
      (
        "norm", "BatchNormComponent",
        [
          ("Dim", .whole(4)), ("BlockDim", .whole(2)), ("Epsilon", .real(0.001)),
          ("TargetRms", .real(1)), ("TestMode", .bool(false)), ("Count", .double(2)),
          ("StatsMean", .vector([0.5, 1])), ("StatsVar", .vector([1, 2])),
        ]
      ),
      (
        "spliced", "TdnnComponent",
        [
          ("TimeOffsets", .list([-1, 2])), ("LinearParams", .matrix(numbers(2, 8))),
          ("BiasParams", .vector([1, -1])), ("OrthonormalConstraint", .real(0)),
        ]
      ),
      ("last", type, [("Dim", .whole(2)), ("ValueAvg", .vector([])), ("DerivAvg", .vector([]))]),
    ]
  }

  static func text(_ config: String = config, _ type: String = "RectifiedLinearComponent")
    -> [UInt8]
  {
    var text = "<Nnet3> \n\(config)\n<NumComponents> 5 \n"
    for (name, type, fields) in components(type) {
      text += "<ComponentName> \(name) <\(type)> "
      for (field, value) in fields {
        text += "<\(field)> "
        switch value {
        case .whole(let n): text += "\(n) "
        case .real(let x): text += "\(x) "
        case .double(let x): text += "\(x) "
        case .bool(let b): text += b ? "T " : "F "
        case .list(let all): text += "[ " + all.map { "\($0) " }.joined() + "]\n"
        case .vector(let all): text += KaldiValue.vector(all).text()
        case .matrix(let rows):
          text += KaldiValue.matrix(
            try! KaldiMatrix(rows: rows.count, columns: rows[0].count, values: rows.flatMap { $0 })
          ).text()
        }
      }
      text += "</\(type)> \n"
    }
    return Array((text + "</Nnet3> ").utf8)
  }

  static var binary: [UInt8] {
    var bytes: [UInt8] = [0, UInt8(ascii: "B")] + "<Nnet3> \n\(config)\n<NumComponents> ".utf8
    func whole(_ n: Int) -> [UInt8] {
      [4] + (0..<4).map { UInt8(truncatingIfNeeded: n >> (8 * $0)) }
    }
    bytes += whole(5)
    for (name, type, fields) in components() {
      bytes += "<ComponentName> \(name) <\(type)> ".utf8
      for (field, value) in fields {
        bytes += "<\(field)> ".utf8
        switch value {
        case .whole(let n): bytes += whole(n)
        case .real(let x): bytes += whole(Int(Int32(bitPattern: x.bitPattern)))
        case .double(let x):
          bytes += [8] + (0..<8).map { UInt8(truncatingIfNeeded: x.bitPattern >> (8 * $0)) }
        case .bool(let b): bytes.append(UInt8(ascii: b ? "T" : "F"))
        case .list(let all): bytes += whole(all.count) + all.flatMap { whole($0).dropFirst() }
        case .vector(let all): bytes += KaldiValue.vector(all).binary().dropFirst(2)
        case .matrix(let rows):
          bytes += KaldiValue.matrix(
            try! KaldiMatrix(rows: rows.count, columns: rows[0].count, values: rows.flatMap { $0 })
          ).binary().dropFirst(2)
        }
      }
      bytes += "</\(type)> ".utf8
    }
    return bytes + "</Nnet3> ".utf8
  }

  @Test func textAndBinaryAreTheSame() throws {
    let (text, findings) = try ModelFile.parse(Bytes(Self.text()))
    let (binary, _) = try ModelFile.parse(Bytes(Self.binary))
    #expect(text == binary && findings.isEmpty)
    #expect(text.check().checked != nil, "\(text.check().findings)")
    #expect(text.metadata["latency"] == .number(3))
    #expect(text.metadata["left_context"] == .number(2))
  }

  @Test func cutAtEveryByte() {
    for (name, bytes) in [("text", Self.text()), ("binary", Self.binary)] {
      for length in 0..<bytes.count - 1 {
        let error = #expect(throws: ArcuateError.self, "\(name) cut to \(length)") {
          try ModelFile.parse(Bytes(Array(bytes[..<length])))
        }
        #expect(
          error?.code == .unsupportedFormat || error?.location?.isEmpty == false,
          "\(name) cut to \(length): \(error!)")
      }
    }
  }

  /// The published model with a transition model before it, of which none survives a cut.
  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"))
  func publishedModelsCutAtEveryByte() throws {
    let folder = dataFolder! + "/kaldi/nnet3-tract/"
    for name in [
      "delay_5_D20_T259_S3/final.mdl", "lstm_10-4-6_T10_S1_delay1/model.raw",
      "lstm_without_lstm_test2_delay1_S1/model.raw.txt",
    ] {
      var bytes = try Files.read(folder + name).array
      while bytes.last! <= 32 { bytes.removeLast() }
      for length in 0..<bytes.count {
        // An acoustic model ends with an empty vector of priors.
        #expect(throws: ArcuateError.self, "\(name) cut to \(length)") {
          try ModelFile.parse(Bytes(Array(bytes[..<length])))
        }
      }
    }
  }

  @Test func flippedBits() {
    for (stream, (name, bytes)) in [("text", Self.text()), ("binary", Self.binary)].enumerated() {
      let models = HostileTests.flip(name, bytes, rounds: 5000, stream: UInt32(900 + stream))
      print(
        "seed \(HostileTests.seed): \(models) of 5000 damaged nnet3 models (\(name)) were readable")
    }
  }

  /// What is not supported or does not fit is named, with where it stands.
  @Test func whatIsWrongIsNamed() {
    func replacing(_ old: String, _ new: String) -> [UInt8] {
      Self.text(Self.config.replacing(old, with: new))
    }
    let cases: [([UInt8], ArcuateError.Code, [String])] = [
      (
        Self.text(Self.config, "TimeHeightConvolutionComponent"), .unsupportedFormat,
        ["component \"last\"", "TimeHeightConvolutionComponent", "AffineComponent"]
      ),
      (
        replacing("input=spliced", "input=Round(spliced, 3)"), .unsupportedFormat,
        ["node \"last\"", "Round"]
      ),
      (replacing("input=spliced", "input=Switch(norm, norm)"), .unsupportedFormat, ["Switch"]),
      (
        replacing("input=spliced", "input=IfDefined(Sum(spliced, spliced))"), .unsupportedFormat,
        ["IfDefined"]
      ),
      (
        replacing("input=spliced", "input=Append(spliced"), .malformed,
        ["node \"last\"", "expected"]
      ),
      (replacing("input=spliced", "input=nobody"), .invalidModel, ["node \"last\"", "nobody"]),
      (replacing("input=spliced", "input=cell2"), .invalidModel, ["cell2"]),
      (replacing("input=spliced", "input=output"), .invalidModel, ["reads from output"]),
      (
        replacing("input=spliced", "input=norm"), .shapeMismatch,
        ["node \"last\"", "takes 2 numbers", "has 4"]
      ),
      (replacing("dim-offset=1", "dim-offset=2"), .invalidModel, ["node \"four\"", "1 of 2"]),
      (
        replacing("IfDefined(Offset(r, -2))", "Offset(r, -2)"), .invalidModel, ["without IfDefined"]
      ),
      (replacing("IfDefined(Offset(c, -1))", "IfDefined(c)"), .invalidModel, ["at the same frame"]),
      (
        replacing("IfDefined(Offset(c, -1))", "IfDefined(Offset(c, 1))"), .invalidModel,
        ["later frames"]
      ),
      (replacing("component=last", "component=lost"), .invalidModel, ["node \"last\"", "lost"]),
      (replacing("output-node", "input-node dim=3"), .invalidModel, ["no output-node"]),
      (replacing("output-node", "exit-node"), .unsupportedFormat, ["exit-node"]),
      (replacing("name=last", "name=a@b"), .malformed, ["a@b"]),
      (replacing("dim=2", "dim=1000000000"), .limitExceeded, ["node \"input\"", "dim"]),
      (
        replacing("Offset(input, 1)", "Offset(input, 1000000000)"), .limitExceeded,
        ["node \"norm\""]
      ),
      (
        replacing("input=spliced", "input=Append(Const(1, 100000), Const(1, 100000))"),
        .shapeMismatch, ["last"]
      ),
    ]
    for (i, (bytes, code, words)) in cases.enumerated() {
      let error = #expect(throws: ArcuateError.self, "case \(i)") {
        try ModelFile.parse(Bytes(bytes))
      }
      #expect(error?.code == code, "case \(i): \(String(describing: error))")
      for word in words {
        #expect(
          error?.description.contains(word) == true, "case \(i): \(String(describing: error))")
      }
    }
  }

  /// Small files that ask for much: deep nesting, sums of sums, cycles within cycles.
  @Test func amplification() {
    let deep =
      String(repeating: "Append(", count: 5000) + "spliced" + String(repeating: ")", count: 5000)
    var double = "spliced"
    for _ in 0..<30 { double = "Sum(\(double), \(double.count < 4000 ? double : "norm"))" }
    let chain = (0..<3000).map { i in
      "component-node name=n\(i) component=last input=IfDefined(Offset(n\((i + 1) % 3000), -1))\n"
    }.joined()
    for config in [
      Self.config.replacing("input=spliced", with: "input=\(deep)"),
      Self.config.replacing("input=spliced", with: "input=\(double)"),
    ] {
      #expect(throws: ArcuateError.self) { try ModelFile.parse(Bytes(Self.text(config))) }
    }
    // A circle of cells that is longer than any network: read, or refused, but soon.
    let config = Self.config.replacing("input=spliced", with: "input=n0")
    _ = try? ModelFile.parse(Bytes(Self.text(chain + config)))
  }
}
