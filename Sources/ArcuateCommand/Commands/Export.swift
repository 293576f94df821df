import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

/// `arcuate export`: writes a model in another file format.
struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a model in another file format: .nir or .safetensors.",
    usage: "arcuate export [<options>] <input> <output>",
    discussion: """
      Repairs made while reading are listed on standard error.

      EXAMPLES:
        arcuate export net.nir net.safetensors
        arcuate export --fold-batch-norm net.safetensors net.nir
        arcuate export --preset sinabs --dt 0.001 net.nir stated.nir
        arcuate export --sparse 0.001 net.nir sparse.safetensors
        arcuate export --dense sparse.safetensors net.nir
        arcuate export --semantics reset=subtract net.nir stated.nir
      """)

  @Argument(help: "\(ModelHelp.readable)")
  var input: String

  @Argument(help: "\(ModelHelp.writable)")
  var output: String

  @OptionGroup var reading: ReadingOptions

  @Flag(help: "Fold batch normalization into the preceding weights where that is exact.")
  var foldBatchNorm = false

  @Option(
    help: ArgumentHelp(
      "Turn Linear nodes into connection lists of weights whose magnitude exceeds this.",
      valueName: "threshold"))
  var sparse: Float?

  @Flag(help: "Turn connection lists without delays into matrices.")
  var dense = false

  @Flag(help: "Treat repairs as errors.")
  var strict = false

  func validate() throws {
    if dense && sparse != nil { throw ValidationError("--sparse and --dense exclude each other.") }
    if let sparse, !(sparse >= 0 && sparse.isFinite) {
      throw ValidationError("--sparse must be finite and nonnegative, got \(sparse)")
    }
  }

  func run() throws {
    // The output may replace the input: it is written when everything has been read.
    if input != output {
      var files = UsedFiles()
      try files.read(input, as: "input")
      try files.write(output, as: "output")
    }
    var model = try reading.loadForUse(input, strict: strict)
    if foldBatchNorm {
      model = try within(input) { try model.foldingBatchNorm() }
    }
    if let sparse { model = try within(input) { try model.sparsified(above: sparse) } }
    if dense { model = try within(input) { try model.densified() } }
    try ModelFile.write(model, to: output)
  }
}
