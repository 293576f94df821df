import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

/// `arcuate learn`: frames in, a model with other weights out.
struct Learn: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lets a model with plastic nodes learn from frames, and writes what it learned.",
    discussion: """
      Weights change by the rules of the model while the frames run, in their order, one stream. Each frame \
      is answered before its label is given; the share of right answers is that on frames never seen.

      Labels are whole numbers, one for each frame. A model whose rules ask for a signal gets them as \
      that; of a model that learns without labels they name the outputs, which then vote.

      EXAMPLES:
        arcuate learn --steps-per-frame 350 --frame-state reset --frame-output sum \\
          --labels labels.npy -o learned.safetensors stdp.safetensors images.npy
        arcuate learn --labels labels.npy --epochs 2 -o learned.safetensors modnet.safetensors images.npy
      """)

  @Argument(help: "A .safetensors file with plastic nodes.")
  var model: String

  @Argument(help: "A .npy file for each input port: [frames, shape].")
  var inputs: [String]

  @Option(name: .shortAndLong, help: "The learned model, .safetensors.")
  var output: String

  @Option(help: "A .npy file of labels, [frames].")
  var labels: String?

  @Option(help: "The signal that labels are given as; by default the only one.")
  var signal: String?

  @Option(parsing: .unconditional, help: "What a signal has at the place of the label.")
  var on: Float = 1

  @Option(parsing: .unconditional, help: "What it has elsewhere.")
  var off: Float = 0

  @Option(parsing: .unconditional, help: "Passes over the frames, 1 to 10000.")
  var epochs = 1

  @Flag(help: "Write a model that learns no more.")
  var freeze = false

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var compiling: CompileArguments

  @Flag(help: "No progress on the standard error.")
  var quiet = false

  func validate() throws {
    guard (1...10_000).contains(epochs) else {
      throw ValidationError("--epochs must be from 1 to 10000, not \(epochs)")
    }
    guard on.isFinite, off.isFinite else {
      throw ValidationError("--on and --off must be finite")
    }
    guard (compiling.batch ?? 1) == 1 else {
      throw ValidationError("--batch must be 1: frames are learned one after another")
    }
  }

  func run() throws {
    var files = UsedFiles()
    try files.read(self.model, as: "model")
    for path in inputs { try files.read(path, as: "input") }
    if let labels { try files.read(labels, as: "labels") }
    try files.write(output, as: "output")
    guard freeze || !output.hasSuffix(".nir") else {
      throw ArcuateError(
        .notRepresentable, "NIR has no word for plastic nodes: .safetensors has, or --freeze them",
        at: output)
    }
    let model = try reading.loadForUse(model)
    let given = try FrameFiles(inputs)
    let plan = try within(self.model) {
      try model.compile(try given.options(for: model, compiling).options)
    }
    guard plan.canLearn else {
      throw ArcuateError(.invalidModel, "has no plastic node: nothing in it learns", at: self.model)
    }
    let truth = try labels.map { try Learn.labels($0, frames: given.frames) }
    let name = try signalName(plan)
    let session = try compiling.session(plan)
    session.learns = true
    let classes = max((truth?.max() ?? 0) + 1, 1)
    var voters = ResponseLabels(
      neurons: plan.outputs[0].shape.count, classes: min(classes, 4096))
    for epoch in 1...epochs {
      let right = try pass(session, given, truth, name, &voters, epoch)
      if let right, given.frames > 0 {
        show(
          "epoch \(epoch)    \(fixed(100 * Double(right) / Double(given.frames), 2)) % right before learning from each"
        )
      }
    }
    let learned = try session.learnedModel()
    try within(output) { try ModelFile.write(freeze ? learned.frozen() : learned, to: output) }
    show("learned    \(output), \(given.frames * epochs) frames")
  }

  private func signalName(_ plan: Plan) throws -> String? {
    let known = plan.signals.map(\.name)
    if let signal {
      guard known.contains(signal) else {
        throw ArcuateError(
          .notFound,
          "there is no signal \"\(signal)\""
            + (known.isEmpty ? "" : ": rules ask for \(known.joined(separator: ", "))"))
      }
      return signal
    }
    guard known.count <= 1 else {
      throw ArcuateError(
        .invalidArgument, "rules ask for \(known.joined(separator: ", ")): name one", at: "--signal"
      )
    }
    if let only = known.first, labels == nil {
      throw ArcuateError(
        .invalidArgument, "rules ask for the signal \"\(only)\": give labels", at: "--labels")
    }
    return known.first
  }

  private func pass(
    _ session: Session, _ given: FrameFiles, _ truth: [Int]?, _ name: String?,
    _ voters: inout ResponseLabels, _ epoch: Int
  ) throws -> Int? {
    let plan = session.plan
    var progress = Progress("frames of epoch \(epoch)", quiet: quiet)
    defer { Progress.clear() }
    var right = 0
    var named = voters.labels
    for frame in 0..<given.frames {
      if let name, let truth {
        try within("frame \(frame)") {
          try session.teach(name, label: truth[frame], on: on, off: off)
        }
      }
      let parts = plan.inputs.indices.map { port -> [Float] in
        let size = plan.inputCount(port: port, frames: 1)
        return Array(given.arrays[port].values[frame * size..<(frame + 1) * size])
      }
      let answer = try session.run(frames: 1, parts)[0]
      if let truth {
        if name != nil {
          let best = answer.indices.max {
            answer[$0] < answer[$1] || (answer[$0] == answer[$1] && $0 > $1)
          }
          if best == truth[frame] { right += 1 }
        } else {
          if frame % 256 == 0 { named = voters.labels }
          if ResponseLabels.vote(answer, labels: named, classes: voters.classes) == truth[frame] {
            right += 1
          }
          try voters.add(answer, label: truth[frame])
        }
      }
      progress.update(frame + 1, fraction: Double(frame + 1) / Double(max(given.frames, 1)))
    }
    return truth == nil ? nil : right
  }

  /// Throws. `shapeMismatch`, `invalidArgument` naming the label.
  private static func labels(_ path: String, frames: Int) throws -> [Int] {
    let array = try NumpyArray.read(path)
    guard array.values.count == frames else {
      throw ArcuateError(
        .shapeMismatch, "has \(array.values.count) labels for \(frames) frames", at: path)
    }
    return try array.values.enumerated().map { i, value in
      guard value >= 0, value < 4096, value == value.rounded() else {
        throw ArcuateError(
          .invalidArgument, "label \(i) is \(value), not a whole number within 0 ..< 4096", at: path
        )
      }
      return Int(value)
    }
  }
}
