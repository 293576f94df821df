import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

/// `arcuate train`: trains a model by gradient on samples and labels.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a model by gradient on samples and labels.",
    usage: "arcuate train [<options>] --inputs <inputs> <model> <output>",
    discussion: """
      MODEL is a model file, or a JSON layer list whose weights are randomly initialized. Samples \
      are shuffled in every epoch; incomplete batches are dropped. The same model, options, seed and \
      data give the same bits here, in Python (arcuate.fit) and in C.

      INPUTS and LABELS: .npy or FILE.npz:NAME arrays, IDX files (also .gz; bytes are scaled to \
      0 ... 1), or for inputs a folder or .zip of PNG images, with one folder for each class. For \
      Kaldi, INPUTS is scp:FILE and LABELS a table of integers such as ark:FILE; features are read \
      during training.

      --config names a JSON object of these options by their long names, with _ for -. The command \
      line takes precedence.

      EXAMPLES:
        arcuate train --inputs train-images.gz --labels train-labels.gz --epochs 5 \\
          --steps 25 --surrogate fast_sigmoid:25 --validation 0.1 \\
          net.json trained.safetensors
        arcuate train --inputs x.npy --labels y.npy --mode tandem --steps 10 \\
          --checkpoint run.ckpt --resume --log run.jsonl --spiking spiking.safetensors \\
          net.json ann.safetensors
        arcuate train --inputs scp:feats.scp --labels ark:pdf.ark --splice-left 5 \\
          --splice-right 5 --config train.json net.json am.safetensors
      """)

  @Argument(help: "\(ModelHelp.readable)")
  var model: String

  @Argument(help: "\(ModelHelp.writable) The model after the last epoch.")
  var output: String

  @Option(help: "Samples.")
  var inputs: String

  @Option(help: "Class of each sample; not for images.")
  var labels: String?

  @Option(help: "JSON file of options.")
  var config: String?

  @Option(parsing: .unconditional, help: "Epochs, 0 ... 1000000.")
  var epochs = 10

  @Option(parsing: .unconditional, help: "Fraction of the samples to hold out for validation.")
  var validation = 0.0

  @Option(help: "Validation samples, as --inputs.")
  var validationInputs: String?

  @Option(help: "Validation labels, as --labels.")
  var validationLabels: String?

  @OptionGroup var training: TrainingArguments

  @Option(parsing: .unconditional, help: "Stop after this many epochs without progress.")
  var patience: Int?

  @Option(parsing: .unconditional, help: "Halve the rate after this many epochs without progress.")
  var halveAfter: Int?

  @Option(help: "Checkpoint to resume from, written after every epoch and on interrupt.")
  var checkpoint: String?

  @Option(parsing: .unconditional, help: "Also write the checkpoint after this many batches.")
  var checkpointSteps: Int?

  @Flag(help: "Resume from the checkpoint if it exists.")
  var resume = false

  @Option(help: "Log to write, with one JSON object per line for each epoch.")
  var log: String?

  @Option(help: "Write the model of the epoch with the lowest loss to this file.")
  var best: String?

  @Option(help: "Write the spiking network to this file: in tandem mode the spiking counterpart.")
  var spiking: String?

  @Option(parsing: .unconditional, help: "Context frames spliced to the left of Kaldi frames.")
  var spliceLeft = 0

  @Option(parsing: .unconditional, help: "Context frames spliced to the right of Kaldi frames.")
  var spliceRight = 0

  @Option(parsing: .unconditional, help: "Shuffle buffer, in Kaldi utterances.")
  var shuffleBuffer = 64

  /// The name of `shuffleBuffer` before 0.2.0.
  @Option(help: .hidden)
  var mixed: String?

  @OptionGroup var reading: ReadingOptions

  @Flag(help: "Show no progress.")
  var quiet = false

  func validate() throws {
    guard mixed == nil else { throw ValidationError("--mixed is now --shuffle-buffer") }
    try checkRange("--epochs", epochs, 0...1_000_000)
    guard (0..<1).contains(validation) else {
      throw ValidationError("--validation must be at least 0 and below 1, got \(validation)")
    }
    guard validation == 0 || validationInputs == nil else {
      throw ValidationError("--validation and --validation-inputs exclude each other")
    }
    try checkRange("--checkpoint-steps", checkpointSteps, 1...Int.max)
    try checkRange("--patience", patience, 1...Int.max)
    try checkRange("--halve-after", halveAfter, 1...Int.max)
    try checkRange("--splice-left", spliceLeft, Splicing.widths)
    try checkRange("--splice-right", spliceRight, Splicing.widths)
    try checkRange("--shuffle-buffer", shuffleBuffer, 1...1_000_000)
    guard checkpoint != nil || !resume && checkpointSteps == nil else {
      throw ValidationError("--resume and --checkpoint-steps need --checkpoint")
    }
    _ = try training.options()
  }

  func run() throws {
    guard let config else { return try train() }
    // Behind the names of the program and of this subcommand.
    let arguments = Array(CommandLine.arguments.dropFirst(2))
    try ConfigFile(config).parse(Train.self, before: arguments).train()
  }

  private func train() throws {
    let options = try training.options()
    let splicing = try Splicing(left: spliceLeft, right: spliceRight)
    try checkFiles()
    let model = try reading.loadForUse(self.model)
    let trainer = try within(self.model) { try Trainer(model, options) }
    guard trainer.network.inputCount == 1 else {
      throw ArcuateError(
        .invalidArgument, "has \(trainer.network.inputCount) input ports, expected one",
        at: self.model)
    }
    func open(_ inputs: String, _ labels: String?) throws -> any TrainingSamples {
      if inputs.hasPrefix("scp:") {
        guard let labels else { throw ArcuateError(.invalidArgument, "--labels is missing") }
        return try KaldiSamples(
          scp: String(inputs.dropFirst(4)), alignments: labels, splicing: splicing,
          width: trainer.sampleWidth(), shuffleBuffer: shuffleBuffer, warn: warn)
      }
      guard let labels else {
        guard !inputs.hasSuffix(".npy") else {
          throw ArcuateError(.invalidArgument, "--labels is missing", at: inputs)
        }
        return try ImageSamples(inputs)
      }
      return try ArraySamples(
        inputs, labels, width: trainer.sampleWidth(), classes: trainer.network.outputWidth(0))
    }
    let run = TrainingRun(trainer, try open(inputs, labels))
    run.validation = try validationInputs.map { try open($0, validationLabels) }
    (run.epochs, run.seed, run.heldOut) = (epochs, options.gradient.seed, validation)
    (run.patience, run.halveAfter) = (patience, halveAfter)
    (run.checkpoint, run.checkpointSteps) = (checkpoint, checkpointSteps)
    (run.log, run.best, run.isQuiet) = (log, best, quiet)
    if resume, let checkpoint, case .file? = FileIdentity(checkpoint) {
      try run.resume(from: checkpoint)
      if !quiet { note("resumes from \(checkpoint), step \(trainer.step)") }
    }
    try run.run()
    try ModelFile.write(try trainer.model(), to: output)
    if let spiking { try ModelFile.write(try trainer.spikingModel(), to: spiking) }
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
}
