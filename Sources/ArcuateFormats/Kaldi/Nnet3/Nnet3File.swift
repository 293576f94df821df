import ArcuateCore
import ArcuateModel

/// Reads networks of Kaldi's nnet3, raw or with a transition model before them, text or binary.
///
/// A frame is a step, and the model streams: what a node wants of later frames is waited for, so
/// that outputs come late. The model's metadata states, in frames:
///
/// | note             | meaning                                                                  |
/// |------------------|--------------------------------------------------------------------------|
/// | `latency`        | the output of a step belongs to the input of so many steps before         |
/// | `left_context`   | so often the first frame is given once more before an utterance           |
/// | `right_context`  | frames after the one it belongs to that an output depends on              |
/// | `priors`         | what the acoustic model was given to divide posteriors by                 |
///
/// So an utterance of T frames is its first frame `left_context` times, its frames, and its last
/// frame `latency` times more; of the outputs the first `left_context` + `latency` are left out.
/// What is left is what nnet3-compute gives, which repeats the frames at the edges too.
/// `IfDefined` is zero before the first frame that can be computed. A frame takes `dt_s`, 0.01 s
/// unless something else is asked for; delays are stated in seconds by that measure.
/// Source. Kaldi: src/nnet3/nnet-nnet.cc, nnet-descriptor.cc, nnet-simple-component.cc,
/// nnet-normalize-component.cc, nnet-combined-component.cc; src/cudamatrix/cu-math.cc.
public enum Nnet3File {
  /// Seconds from one frame to the next.
  static let frame_s = 0.01

  /// Whether the bytes begin as a network of Kaldi does.
  public static func recognises(_ bytes: Bytes) -> Bool {
    let start = (try? bytes.slice(0, min(bytes.count, 64)))?.array ?? []
    let text = start.starts(with: [0, UInt8(ascii: "B")]) ? start[2...] : start[...]
    let word = text.drop { $0 == 32 || 9...13 ~= $0 }
    return ["<Nnet3>", "<TransitionModel>"].contains { word.starts(with: $0.utf8) }
  }

  /// The model in the file at `path`. Throws. As `ModelFile.read`.
  public static func read(
    _ path: String, _ options: ModelFile.ReadOptions = .init()
  ) throws -> (model: Model, findings: [Finding]) {
    let bytes = try Files.read(path)
    return try within(path) { try parse(bytes, options) }
  }

  /// The model, and what was noticed on the way.
  ///
  /// Throws. `malformed`, `truncated`, `limitExceeded`, `unsupportedFormat` naming the node or the
  /// component, or `invalidModel` where parts do not fit each other.
  public static func parse(
    _ bytes: Bytes, _ options: ModelFile.ReadOptions = .init()
  ) throws -> (model: Model, findings: [Finding]) {
    try options.check()
    let tokens = try Nnet3Tokens(ByteReader(bytes.array, name: "network"))
    var word = try tokens.word()
    let hasTransitions = word == "<TransitionModel>"
    if hasTransitions {
      try tokens.skip(past: "</TransitionModel>")
      word = try tokens.word()
    }
    guard word == "<Nnet3>" else {
      throw ArcuateError(
        .malformed, "\"\(word.prefix(60))\" stands where <Nnet3> is expected", at: "network")
    }
    let config = try Nnet3Config(tokens)
    let components = try components(tokens)
    var builder = try Nnet3Builder(config, components, frame_s: options.dt_s ?? frame_s)
    var model = try builder.build()
    if hasTransitions, let priors = try priors(tokens) {
      model.metadata["priors"] = .array(Tensor(vector: priors))
    }
    return try options.settle(model, builder.findings)
  }

  private static func components(_ tokens: Nnet3Tokens) throws -> [String: Nnet3Component] {
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
      try within("component \"\(name.prefix(200))\"") {
        guard components[name] == nil else {
          throw ArcuateError(.malformed, "the name is used twice")
        }
        components[name] = try Nnet3Fields.component(tokens)
      }
    }
    try tokens.expect("</Nnet3>")
    return components
  }

  /// What follows the network of an acoustic model: its context, and priors if there are any.
  private static func priors(_ tokens: Nnet3Tokens) throws -> [Float]? {
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
