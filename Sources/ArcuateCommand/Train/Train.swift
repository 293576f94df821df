import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

extension TrainingOptions.Mode: ExpressibleByArgument {}
extension GradientOptions.Input: ExpressibleByArgument {}
extension OptimizerOptions.Kind: ExpressibleByArgument {}
extension Loss.Kind: ExpressibleByArgument {}
extension Loss.Readout: ExpressibleByArgument {}

/// `arcuate train`: a model learns from samples and labels.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lets a model learn by gradient from samples and labels.",
    usage: "arcuate train [<options>] --inputs <inputs> --labels <labels> <model> <output>",
    discussion: """
      MODEL is a file, or a list of layers in JSON whose weights are drawn. Samples come in an order \
      of their own in every epoch; batches that are not whole are left out. The same model, options, \
      seed and data give the same bits here, in Python (arcuate.fit) and from C.

      INPUTS and LABELS: .npy or FILE.npz:NAME arrays, IDX files (.gz too; bytes become 0 ... 1), or \
      for inputs a folder or .zip of PNG images, whose folders are the classes. For Kaldi, INPUTS is \
      scp:FILE and LABELS a table of integers such as ark:FILE; features are read while learning.

      --config names a JSON object of these options by their long names, with _ for -; what the \
      command line says goes before it.

      EXAMPLES:
        arcuate train --inputs train-images.gz --labels train-labels.gz --epochs 5 --batch 128 \\
          --steps 25 --surrogate fast_sigmoid:25 --validation 0.1 net.json learned.safetensors
        arcuate train --inputs x.npy --labels y.npy --mode tandem --steps 10 --checkpoint run.ckpt \\
          --resume --log run.jsonl --spiking spiking.safetensors net.json ann.safetensors
        arcuate train --inputs scp:feats.scp --labels ark:pdf.ark --splice-left 5 --splice-right 5 \\
          --config train.json net.json am.safetensors
      """)

  @Argument(help: "A .nir or .safetensors file, or a list of layers in JSON.")
  var model: String

  @Argument(help: "The .safetensors or .nir file to write: what was learned at the end.")
  var output: String

  @Option(help: "Samples.")
  var inputs: String

  @Option(help: "A class for each sample; not for images.")
  var labels: String?

  @Option(help: "A JSON file of options.")
  var config: String?

  @Option(parsing: .unconditional, help: "Epochs; by default 10.")
  var epochs: Int?

  @Option(parsing: .unconditional, help: "The share of the samples that is kept for validation.")
  var validation: Double?

  @Option(help: "Samples for validation, as --inputs.")
  var validationInputs: String?

  @Option(help: "Their classes.")
  var validationLabels: String?

  @Option(help: "direct, or tandem: an artificial network with a spiking twin.")
  var mode: TrainingOptions.Mode?

  @Option(parsing: .unconditional, help: "Samples of a step of learning; by default 128.")
  var batch: Int?

  @Option(parsing: .unconditional, help: "Steps of a sample; by default 1.")
  var steps: Int?

  @Option(
    name: .customLong("input"),
    help: "A sample is held, given at the first step, or has values for every step.")
  var entering: GradientOptions.Input?

  @Option(help: "What is made small; by default cross_entropy.")
  var loss: Loss.Kind?

  @Option(help: "How the steps of the output become one answer; by default sum.")
  var readout: Loss.Readout?

  @Option(
    help: """
      In place of a spike's derivative: box:0.5:1, triangle:1:0.3, fast_sigmoid:25, arctan:2 or \
      spike_time:0.3:0.01.
      """)
  var surrogate: String?

  @Option(help: "sgd, adam, adamax or adamw; by default adam.")
  var optimizer: OptimizerOptions.Kind?

  @Option(parsing: .unconditional, help: "Rate of learning; by default 0.001.")
  var rate: Float?

  @Option(parsing: .unconditional, help: "Momentum of sgd.")
  var momentum: Float?

  @Option(parsing: .unconditional, help: "Decay of the weights.")
  var weightDecay: Float?

  @Option(parsing: .unconditional, help: "The largest norm of all gradients together.")
  var clipNorm: Float?

  @Option(parsing: .unconditional, help: "The largest magnitude of an element of a gradient.")
  var clipValue: Float?

  @Option(help: "constant, decay:FACTOR:STEPS, cosine:STEPS or linear:STEPS.")
  var schedule: String?

  @Option(help: "NODE=SHARE of outputs that are dropped; may be given several times.")
  var dropout: [String] = []

  @Option(help: "A node that stays as it is; may be given several times.")
  var freeze: [String] = []

  @Option(help: "NODE.FIELD of neurons that learns as well; may be given several times.")
  var train: [String] = []

  @Option(parsing: .unconditional, help: "Of everything that is drawn; by default 0.")
  var seed: UInt64?

  @Option(parsing: .unconditional, help: "Stop after so many epochs without progress.")
  var patience: Int?

  @Option(parsing: .unconditional, help: "Halve the rate after so many epochs without progress.")
  var halveAfter: Int?

  @Option(help: "A file to go on from, written after every epoch and when it is interrupted.")
  var checkpoint: String?

  @Option(parsing: .unconditional, help: "Write it after every so many steps, too.")
  var checkpointSteps: Int?

  @Flag(help: "Go on from the checkpoint if it is there.")
  var resume = false

  @Option(help: "A file that gets a line of JSON for each epoch.")
  var log: String?

  @Option(help: "A file for the model of the epoch with the least loss.")
  var best: String?

  @Option(help: "A file for the network that spikes, of tandem learning.")
  var spiking: String?

  @Option(parsing: .unconditional, help: "Frames put before each frame of Kaldi features.")
  var spliceLeft: Int?

  @Option(parsing: .unconditional, help: "Frames put after each frame of Kaldi features.")
  var spliceRight: Int?

  @Option(parsing: .unconditional, help: "Kaldi utterances whose frames are mixed; by default 64.")
  var mixed: Int?

  @Option(parsing: .unconditional, help: "Threads, 1 to 256; by default 1.")
  var threads: Int?

  @OptionGroup var reading: ReadingOptions

  @Flag(help: "No progress on the standard error.")
  var quiet = false

  func run() throws {
    var settings = try Settings(config)
    let options = try trainingOptions(&settings)
    let seed = options.gradient.seed
    let epochs = try settings.whole("epochs", epochs) ?? 10
    let share = try settings.real("validation", validation) ?? 0
    let patience = try settings.whole("patience", patience)
    let halveAfter = try settings.whole("halve_after", halveAfter)
    let checkpointSteps = try settings.whole("checkpoint_steps", checkpointSteps)
    let splicing = try Splicing(
      left: settings.whole("splice_left", spliceLeft) ?? 0,
      right: settings.whole("splice_right", spliceRight) ?? 0)
    let mixed = try settings.whole("mixed", mixed) ?? 64
    try settings.finish()
    guard share == 0 || validationInputs == nil else {
      throw ArcuateError(
        .invalidArgument, "either --validation or --validation-inputs says what is kept apart")
    }
    guard (0..<1).contains(share) else {
      throw ArcuateError(.invalidArgument, "validation is \(share), not within 0 ..< 1")
    }
    guard epochs >= 0, (1...1_000_000).contains(mixed), checkpointSteps ?? 1 > 0 else {
      throw ArcuateError(
        .invalidArgument, "epochs, mixed and checkpoint_steps must be counts of what there is")
    }
    guard checkpoint != nil || !resume && checkpointSteps == nil else {
      throw ArcuateError(.invalidArgument, "--resume and --checkpoint-steps need --checkpoint")
    }
    try checkFiles()

    let network = try reading.loadForUse(model)
    let learner = try within(model) { try Trainer(network, options) }
    guard learner.network.inputCount == 1 else {
      throw ArcuateError(
        .invalidArgument, "has \(learner.network.inputCount) input ports; one is needed",
        at: model)
    }
    func open(_ inputs: String, _ labels: String?) throws -> any TrainingSamples {
      if inputs.hasPrefix("scp:") {
        guard let labels else { throw ArcuateError(.invalidArgument, "--labels are missing") }
        return try KaldiSamples(
          scp: String(inputs.dropFirst(4)), alignments: labels, splicing: splicing,
          width: learner.sampleWidth(), group: mixed, warn: warn)
      }
      guard let labels else {
        guard !inputs.hasSuffix(".npy") else {
          throw ArcuateError(.invalidArgument, "there are no labels for it", at: inputs)
        }
        return try ImageSamples(inputs)
      }
      return try ArraySamples(
        inputs, labels, width: learner.sampleWidth(), classes: learner.network.outputWidth(0))
    }
    let run = TrainingRun(learner, try open(inputs, labels))
    run.validation = try validationInputs.map { try open($0, validationLabels) }
    (run.epochs, run.seed, run.share) = (epochs, seed, share)
    (run.patience, run.halveAfter) = (patience, halveAfter)
    (run.checkpoint, run.checkpointSteps) = (checkpoint, checkpointSteps)
    (run.log, run.best, run.isQuiet) = (log, best, quiet)
    if resume, let checkpoint, case .file? = FileIdentity(checkpoint) {
      try run.resume(from: checkpoint)
      if !quiet { say("arcuate: goes on from \(checkpoint), step \(learner.step)") }
    }
    try run.run()
    try ModelFile.write(try learner.model(), to: output)
    if let spiking { try ModelFile.write(try learner.spikingModel(), to: spiking) }
  }

  private func checkFiles() throws {
    var files = UsedFiles()
    try files.read(model, as: "model")
    for (path, role) in [(config, "config"), (labels, "labels")] {
      if let path, !path.hasPrefix("ark") { try files.read(path, as: role) }
    }
    for (path, role) in [
      (output, "output"), (checkpoint, "checkpoint"), (log, "log"), (best, "best model"),
      (spiking, "spiking model"),
    ] {
      if let path { try files.write(path, as: role) }
    }
    for path in [output, best, spiking] {
      if let path { _ = try ModelFormat.forWriting(path) }
    }
  }

  private func trainingOptions(_ settings: inout Settings) throws -> TrainingOptions {
    var options = TrainingOptions()
    options.mode = try settings.choice("mode", mode) ?? .direct
    options.gradient.batch = try settings.whole("batch", batch) ?? 128
    options.gradient.steps = try settings.whole("steps", steps) ?? 1
    options.gradient.input = try settings.choice("input", entering) ?? .hold
    options.gradient.threads = try settings.whole("threads", threads) ?? 1
    options.gradient.seed = try settings.whole("seed", seed) ?? 0
    if let text = try settings.text("surrogate", surrogate) {
      options.gradient.surrogate = try Parts(text, "surrogate").surrogate()
    }
    for text in try settings.list("dropout", dropout) {
      let parts = text.split(separator: "=")
      guard parts.count == 2, let share = Float(parts[1]) else {
        throw ArcuateError(.invalidArgument, "\"\(text)\" is not node=share", at: "dropout")
      }
      options.gradient.dropout[String(parts[0])] = share
    }
    options.gradient.frozen = Set(try settings.list("freeze", freeze))
    options.gradient.trained = Set(try settings.list("train", train))
    options.optimizer.kind = try settings.choice("optimizer", optimizer) ?? .adam
    options.optimizer.rate = try settings.real("rate", rate) ?? 1e-3
    options.optimizer.momentum = try settings.real("momentum", momentum) ?? 0
    options.optimizer.weightDecay = try settings.real("weight_decay", weightDecay) ?? 0
    options.optimizer.clipNorm = try settings.real("clip_norm", clipNorm)
    options.optimizer.clipValue = try settings.real("clip_value", clipValue)
    if let text = try settings.text("schedule", schedule) {
      options.optimizer.schedule = try Parts(text, "schedule").schedule()
    }
    options.losses = [
      (
        0,
        Loss(
          try settings.choice("loss", loss) ?? .crossEntropy,
          readout: try settings.choice("readout", readout) ?? .sum)
      )
    ]
    try options.check()
    return options
  }
}

/// A name with numbers behind it, parted by colons.
private struct Parts {
  let name: String
  let numbers: [Float]
  let place: String

  init(_ text: String, _ place: String) throws {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    name = String(parts[0])
    self.place = place
    numbers = try parts.dropFirst().map { part in
      guard let number = Float(part), number.isFinite else {
        throw ArcuateError(.invalidArgument, "\"\(part)\" is not a number", at: place)
      }
      return number
    }
  }

  private func checked(_ count: Int) throws {
    guard numbers.count == count else {
      throw ArcuateError(
        .invalidArgument, "\(name) has \(count) numbers, not \(numbers.count)", at: place)
    }
  }

  private func steps(_ number: Float) throws -> Int {
    guard let steps = Int(exactly: number) else {
      throw ArcuateError(.invalidArgument, "\(number) is not a number of steps", at: place)
    }
    return steps
  }

  func surrogate() throws -> Surrogate {
    switch name {
    case "box":
      try checked(2)
      return .box(width: numbers[0], height: numbers[1])
    case "triangle":
      try checked(2)
      return .triangle(width: numbers[0], height: numbers[1])
    case "fast_sigmoid":
      try checked(1)
      return .fastSigmoid(slope: numbers[0])
    case "arctan":
      try checked(1)
      return .arctan(slope: numbers[0])
    case "spike_time":
      try checked(2)
      return .spikeTime(alpha: numbers[0], beta: numbers[1])
    default: throw ArcuateError(.invalidArgument, "there is no \"\(name)\"", at: place)
    }
  }

  func schedule() throws -> OptimizerOptions.Schedule {
    switch name {
    case "constant":
      try checked(0)
      return .constant
    case "decay":
      try checked(2)
      return .decay(factor: numbers[0], steps: try steps(numbers[1]))
    case "cosine":
      try checked(1)
      return .cosine(steps: try steps(numbers[0]))
    case "linear":
      try checked(1)
      return .linear(steps: try steps(numbers[0]))
    default: throw ArcuateError(.invalidArgument, "there is no \"\(name)\"", at: place)
    }
  }
}
