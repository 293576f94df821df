import ArcuateCore
import ArcuateModel

/// Reads Kaldi nnet3 networks, raw or after a transition model, as text or binary.
///
/// A frame is a step, and the model streams: a node that depends on later frames waits for them, so
/// outputs are delayed. The model's metadata states, in frames:
///
/// | metadata         | meaning                                                                  |
/// |------------------|--------------------------------------------------------------------------|
/// | `latency`        | delay from an input to the output of the same frame                      |
/// | `left_context`   | number of times to repeat the first frame before an utterance            |
/// | `right_context`  | later frames that an output depends on                                   |
/// | `priors`         | prior probabilities of the acoustic model, to divide posteriors by       |
///
/// So an utterance of T frames is run as its first frame `left_context` times, its frames, and its
/// last frame `latency` times more; the first `left_context` + `latency` outputs are dropped. The
/// rest equals the output of nnet3-compute, which repeats the frames at the edges too.
/// `IfDefined` is zero before the first defined frame. A frame takes `dt_s`, 0.01 s by default;
/// delays are stored in seconds on that basis.
/// Source. Kaldi: src/nnet3/nnet-nnet.cc, nnet-descriptor.cc, nnet-simple-component.cc,
/// nnet-normalize-component.cc, nnet-combined-component.cc; src/cudamatrix/cu-math.cc.
enum Nnet3File {
  /// Seconds from one frame to the next.
  static let frame_s = 0.01

  /// Whether the bytes begin like a network of Kaldi.
  static func recognizes(_ bytes: Bytes) -> Bool {
    let start = (try? bytes.slice(0, min(bytes.count, 64)))?.array ?? []
    let text = start.starts(with: [0, UInt8(ascii: "B")]) ? start[2...] : start[...]
    let word = text.drop { $0 == 32 || 9...13 ~= $0 }
    return ["<Nnet3>", "<TransitionModel>"].contains { word.starts(with: $0.utf8) }
  }

  /// The model, and the findings of the reader; `frame_s` is seconds per frame, by default 0.01.
  ///
  /// Throws. `malformed`, `truncated`, `limitExceeded`, `unsupportedFormat` naming the node or the
  /// component, or `invalidModel` where parts do not fit each other.
  static func parse(
    _ bytes: Bytes, frame_s: Double?
  ) throws(ArcuateError) -> (model: Model, findings: [Finding]) {
    let tokens = try Nnet3Tokens(ByteReader(bytes, name: "network"))
    var word = try tokens.word()
    let hasTransitions = word == "<TransitionModel>"
    if hasTransitions {
      try tokens.skip(past: "</TransitionModel>")
      word = try tokens.word()
    }
    guard word == "<Nnet3>" else {
      throw ArcuateError(
        .malformed, "expected <Nnet3>, not \"\(word.prefix(60))\"", at: "network")
    }
    let config = try Nnet3Config(tokens)
    let components = try components(tokens)
    var builder = try Nnet3Builder(config, components, frame_s: frame_s ?? Nnet3File.frame_s)
    var model = try builder.build()
    if hasTransitions, let priors = try priors(tokens) {
      model.metadata["priors"] = .array(Tensor(vector: priors))
    }
    return (model, builder.findings)
  }

  private static func components(_ tokens: Nnet3Tokens) throws(ArcuateError) -> [String:
    Nnet3Component]
  {
    try tokens.expect("<NumComponents>")
    let value = try tokens.value()
    guard case .number(let count?, _) = value, (0...Nnet3Config.mostNodes).contains(count) else {
      throw ArcuateError(
        .malformed, "the number of components is not within 0 ... \(Nnet3Config.mostNodes)",
        at: "<NumComponents>")
    }
    var components: [String: Nnet3Component] = [:]
    for _ in 0..<count {
      try tokens.expect("<ComponentName>")
      let name = try tokens.word()
      try within("component \"\(name.prefix(200))\"") { () throws(ArcuateError) in
        guard components[name] == nil else {
          throw ArcuateError(.malformed, "duplicate name")
        }
        components[name] = try Nnet3Fields.component(tokens)
      }
    }
    try tokens.expect("</Nnet3>")
    return components
  }

  /// The priors that follow the network of an acoustic model; nil if it has none.
  private static func priors(_ tokens: Nnet3Tokens) throws(ArcuateError) -> [Float]? {
    for name in ["<LeftContext>", "<RightContext>"] {
      try tokens.expect(name)
      _ = try tokens.value()
    }
    try tokens.expect("<Priors>")
    guard case .vector(let priors) = try tokens.value() else {
      throw ArcuateError(.malformed, "is not a vector", at: "<Priors>")
    }
    return priors.isEmpty ? nil : priors
  }
}
