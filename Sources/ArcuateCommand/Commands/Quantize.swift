import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

extension Tensor.Element: ExpressibleByArgument {
  public init?(argument: String) {
    guard let element = Self.allCases.first(where: { $0.name == argument }) else { return nil }
    self = element
  }
  // float32 is not a narrow type.
  public static var allValueStrings: [String] { ["int8", "bfloat16"] }
}

/// `arcuate quantize`: int8 or bfloat16 weights, and their error.
struct Quantize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a model with int8 or bfloat16 weights and reports the error.",
    usage: "arcuate quantize [<options>] --to <to> <input> <output>",
    discussion: """
      Weights of linear and convolution nodes become int8 with one scale for each output channel, \
      or bfloat16; biases, neurons and connection lists (SparseLinear) are kept. Batch \
      normalization is folded first. NIR cannot represent narrow weights: a .nir file gets float32 \
      weights of the same values.

      --calibrate selects the scales that minimize the error of each node's outputs on the given \
      frames. Use other frames for --evaluate.

      EXAMPLES:
        arcuate quantize --to int8 net.nir net.safetensors
        arcuate quantize --to bfloat16 net.nir net.safetensors
        arcuate quantize --to int8 --calibrate train.npy net.nir net.safetensors
        arcuate quantize --to int8 --keep-last --evaluate test.npy net.nir net.safetensors
        arcuate quantize --to int8 --keep hidden1 --json net.nir net.safetensors
      """)

  @Argument(help: "\(ModelHelp.readable)")
  var input: String

  @Argument(help: "\(ModelHelp.writable)")
  var output: String

  @Option(help: "Weight type: int8 or bfloat16.")
  var to: Tensor.Element

  @Option(
    help: "Calibration frames (.npy), one file for each input port in the order of arcuate info.")
  var calibrate: [String] = []

  @Option(
    help: ArgumentHelp(
      "Keep the weights of this node or graph; repeatable.",
      valueName: "node"))
  var keep: [String] = []

  @Flag(help: "Keep the first node with weights.")
  var keepFirst = false

  @Flag(help: "Keep the last node with weights.")
  var keepLast = false

  @Flag(help: "Do not fold batch normalization.")
  var keepBatchNorm = false

  @Option(
    help: "Frames (.npy) on which to compare outputs with the input model, one file for each port.")
  var evaluate: [String] = []

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var compiling: CompileArguments

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    guard to != .float32 else { throw ValidationError("--to must be int8 or bfloat16") }
  }

  func run() throws {
    var files = UsedFiles()
    for path in calibrate { try files.read(path, as: "frames") }
    for path in evaluate { try files.read(path, as: "frames") }
    // The output may replace the input: it is written when everything has been read.
    if input != output { try files.read(input, as: "input") }
    try files.write(output, as: "output")
    let model = try reading.loadForUse(input)
    let (samples, tests) = (try FrameFiles(calibrate), try FrameFiles(evaluate))
    let calibration = try calibrate.isEmpty ? nil : samples.sample(for: model, at: input, compiling)
    let evaluation = try evaluate.isEmpty ? nil : tests.sample(for: model, at: input, compiling)
    let (narrow, report, comparison) = try within(input) {
      var options = QuantizationOptions()
      (options.keep, options.keepsFirst, options.keepsLast) = (keep, keepFirst, keepLast)
      options.foldsBatchNorm = !keepBatchNorm
      options.calibration = calibration
      let (narrow, report) = try model.quantized(to: to, options)
      let comparison = try evaluation.map { try model.compared(with: narrow, on: $0) }
      return (narrow, report, comparison)
    }
    try ModelFile.write(narrow, to: output)
    if output.hasSuffix(".nir") {
      note(
        "\(output): NIR has no \(to.name) weights: float32 weights of the same values are written")
    }
    guard !json else {
      return printJSON(["report": report.json, "evaluation": comparison?.json ?? .null])
    }
    StandardOutput.add(report.description)
    guard let comparison else { return }
    show()
    show("outputs on \(comparison.frames) frames, compared with \(input)")
    for line in textTable(
      ["port", "outputs", "same argmax", "error", "largest error"], rightAligned: [1, 2, 3, 4],
      comparison.ports.map {
        [
          $0.name, "\($0.count)", "\(fixed(100 * $0.agreement, 2)) %",
          "\(fixed(100 * $0.relativeError, 3)) %", "\(Float($0.largestError))",
        ]
      })
    { show(line) }
  }
}

extension QuantizationReport {
  fileprivate var json: JSON {
    func ratio(_ value: Double?) -> JSON { value.map { .measured($0) } ?? .null }
    return [
      "element": .string(element.name), "frames": .number(frames), "steps": .number(steps),
      "bytes_before": .number(bytesBefore), "bytes_after": .number(bytesAfter),
      "nodes": .array(
        nodes.map {
          [
            "name": .string($0.name), "kind": .string($0.kind), "weights": .number($0.weights),
            "before": .string($0.before.name), "after": .string($0.after.name),
            "bytes_before": .number($0.bytesBefore), "bytes_after": .number($0.bytesAfter),
            "weight_error": .measured($0.weightError), "output_error": ratio($0.outputError),
            "uncalibrated_output_error": ratio($0.plainOutputError),
          ]
        }),
    ]
  }
}

extension OutputComparison {
  fileprivate var json: JSON {
    [
      "frames": .number(frames),
      "outputs": .array(
        ports.map {
          [
            "name": .string($0.name), "count": .number($0.count),
            "agreement": .measured($0.agreement), "relative_error": .measured($0.relativeError),
            "largest_error": .measured($0.largestError),
          ]
        }),
    ]
  }
}
