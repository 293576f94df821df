import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

/// `arcuate adapt`: runs the plasticity rules of a model and writes the adapted model.
struct Adapt: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Adapts the weights of plastic nodes on frames and writes the adapted model.",
    discussion: """
      The plasticity rules of the model change its weights while the frames run, in order, in one \
      stream. Each frame is classified before the weights change, so that in the first epoch the \
      accuracy is that on unseen frames.

      Labels are integers, one for each frame. If the rules use a signal, the label sets it. \
      Otherwise the labels only name the output neurons, by their responses, and the neurons vote.

      EXAMPLES:
        arcuate adapt --steps-per-frame 350 --frame-state reset --frame-output sum \\
          --labels labels.npy -o adapted.safetensors stdp.safetensors images.npy
        arcuate adapt --labels labels.npy --epochs 2 -o adapted.safetensors \\
          modnet.safetensors images.npy
      """)

  @Argument(help: "Model file with plastic nodes (.safetensors).")
  var model: String

  @Argument(help: "One .npy file for each input port: [frames, shape].")
  var inputs: [String]

  @Option(name: .shortAndLong, help: "Adapted model to write (.safetensors).")
  var output: String

  @Option(help: "Labels (.npy): [frames].")
  var labels: String?

  @Option(help: "Signal that the labels set; default: the only one.")
  var signal: String?

  @Option(parsing: .unconditional, help: "Value of the signal at the label's index.")
  var on: Float = 1

  @Option(parsing: .unconditional, help: "Value of the signal at all other indices.")
  var off: Float = 0

  @Option(parsing: .unconditional, help: "Passes over the frames, 1 ... 10000.")
  var epochs = 1

  @Flag(help: "Write a model without plasticity.")
  var freeze = false

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var compiling: CompileArguments

  @Flag(help: "Show no progress.")
  var quiet = false

  func validate() throws {
    try checkRange("--epochs", epochs, 1...10_000)
    guard on.isFinite, off.isFinite else {
      throw ValidationError("--on and --off must be finite")
    }
    guard (compiling.batch ?? 1) == 1 else {
      throw ValidationError("--batch must be 1: frames are processed one at a time")
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
        .notRepresentable,
        "NIR cannot represent plastic nodes: write .safetensors, or use --freeze",
        at: output)
    }
    let model = try reading.loadForUse(model)
    let samples = try FrameFiles(inputs)
    let options = try samples.options(for: model, at: self.model, compiling).options
    let plan = try within(self.model) { try model.compile(options) }
    guard plan.canAdapt else {
      throw ArcuateError(.invalidModel, "has no plastic nodes", at: self.model)
    }
    let truth = try labels.map { try Adapt.labels($0, frames: samples.frames) }
    let name = try signalName(plan)
    let session = try compiling.session(plan)
    session.adapts = true
    let classes = max((truth?.max() ?? 0) + 1, 1)
    var voters = ResponseLabels(
      neurons: plan.outputs[0].shape.count, classes: min(classes, 4096))
    for epoch in 1...epochs {
      let correct = try pass(session, samples, truth, name, &voters, epoch)
      if let correct, samples.frames > 0 {
        show(
          "epoch \(epoch)    \(fixed(100 * Double(correct) / Double(samples.frames), 2)) % correct"
        )
      }
    }
    let adapted = try session.adaptedModel()
    try within(output) { try ModelFile.write(freeze ? adapted.frozen() : adapted, to: output) }
    show("adapted    \(output), \(samples.frames * epochs) frames")
  }

  private func signalName(_ plan: Plan) throws -> String? {
    let known = plan.signals.map(\.name)
    if let signal {
      guard known.contains(signal) else {
        throw ArcuateError(
          .notFound,
          "unknown signal \"\(signal)\""
            + (known.isEmpty ? "" : "; use one of \(known.joined(separator: ", "))"))
      }
      return signal
    }
    guard known.count <= 1 else {
      throw ArcuateError(
        .invalidArgument, "several signals (\(known.joined(separator: ", "))): select one",
        at: "--signal")
    }
    if let only = known.first, labels == nil {
      throw ArcuateError(
        .invalidArgument, "the rules use the signal \"\(only)\": labels are required",
        at: "--labels")
    }
    return known.first
  }

  private func pass(
    _ session: Session, _ samples: FrameFiles, _ truth: [Int]?, _ name: String?,
    _ voters: inout ResponseLabels, _ epoch: Int
  ) throws -> Int? {
    let plan = session.plan
    var progress = Progress("frames in epoch \(epoch)", quiet: quiet)
    defer { Progress.clear() }
    var correct = 0
    var named = voters.labels
    for frame in 0..<samples.frames {
      if let name, let truth {
        try within("frame \(frame)") {
          try session.setSignal(name, label: truth[frame], on: on, off: off)
        }
      }
      let parts = plan.inputs.indices.map { port -> [Float] in
        let size = plan.inputCount(port: port, frames: 1)
        return Array(samples.arrays[port].values[frame * size..<(frame + 1) * size])
      }
      let output = try session.run(frames: 1, parts)[0]
      if let truth {
        if name != nil {
          let best = output.indices.max {
            output[$0] < output[$1] || (output[$0] == output[$1] && $0 > $1)
          }
          if best == truth[frame] { correct += 1 }
        } else {
          if frame % 256 == 0 { named = voters.labels }
          if ResponseLabels.vote(output, labels: named, classes: voters.classes) == truth[frame] {
            correct += 1
          }
          try voters.add(output, label: truth[frame])
        }
      }
      progress.update(frame + 1, fraction: Double(frame + 1) / Double(max(samples.frames, 1)))
    }
    return truth == nil ? nil : correct
  }

  /// Throws. `shapeMismatch`, `invalidArgument` naming the label.
  private static func labels(_ path: String, frames: Int) throws -> [Int] {
    let array = try NumpyArray.read(path)
    guard array.values.count == frames else {
      throw ArcuateError(
        .shapeMismatch, "has \(array.values.count) labels for \(frames) frames", at: path)
    }
    return try array.values.enumerated().map { i, value in
      guard let label = Int(exactly: value), (0..<4096).contains(label) else {
        throw ArcuateError(
          .invalidArgument, "label \(i) must be an integer 0 ... 4095, got \(value)", at: path)
      }
      return label
    }
  }
}
