import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

/// `arcuate convert`: from one model file to another.
struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a model in another format, named by the ending: .nir or .safetensors.",
    usage: "arcuate convert [<options>] <input> <output>",
    discussion: """
      What was mended in reading is listed on the standard error.

      EXAMPLES:
        arcuate convert net.nir net.safetensors
        arcuate convert --fold-batch-norm net.safetensors net.nir
        arcuate convert --preset sinabs --dt 0.001 net.nir stated.nir
        arcuate convert --sparse 0.001 net.nir sparse.safetensors
        arcuate convert --dense sparse.safetensors net.nir
        arcuate convert --semantics reset=subtract net.nir stated.nir
      """)

  @Argument(help: "A .nir or .safetensors file or a Kaldi nnet3 model.")
  var input: String

  @Argument(help: "The file to write, whole or not at all.")
  var output: String

  @OptionGroup var reading: ReadingOptions

  @Flag(help: "Fold each batch normalisation into the weights before it, where that is exact.")
  var foldBatchNorm = false

  @Option(
    help: ArgumentHelp(
      "List the weights of Linear nodes whose size is above this; drop the others.",
      valueName: "threshold"))
  var sparse: Float?

  @Flag(help: "Write listed connections without delays as matrices.")
  var dense = false

  @Flag(help: "Refuse what would have to be mended.")
  var strict = false

  func validate() throws {
    if dense && sparse != nil { throw ValidationError("Give --sparse or --dense, not both.") }
    if let sparse, !(sparse >= 0 && sparse.isFinite) {
      throw ValidationError("--sparse \(sparse) is not a finite number from 0 on.")
    }
  }

  func run() throws {
    // A file may be written anew under its own name: it is replaced when all has been read.
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
