import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

extension ConversionOptions.Input: ExpressibleByArgument {}
extension ConversionOptions.Bias: ExpressibleByArgument {}
extension ConversionOptions.MaximumPooling: ExpressibleByArgument {}
extension ConversionOptions.Readout: ExpressibleByArgument {}

/// How the scale of each layer's spikes is chosen, by the names on the command line.
enum BalancingName: String, CaseIterable, ExpressibleByArgument {
  case data, model
  case spikeNorm = "spike_norm"
}

/// `arcuate convert`: converts an artificial network to a spiking one and reports the loss.
struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Converts an artificial network to a spiking network and reports the loss.",
    usage: "arcuate convert [<options>] --frames <frames> <input> <output>",
    discussion: """
      Every ReLU becomes integrate-and-fire neurons that subtract their threshold when they spike. \
      Batch normalization is folded first. The value of a spike in each layer is chosen on \
      --frames; use other frames for --evaluate. By default the outputs are membrane potentials.

      To write a model in another file format, use arcuate export.

      EXAMPLES:
        arcuate convert --frames train.npy net.safetensors spiking.safetensors
        arcuate convert --frames train.npy --percentile 100 net.safetensors spiking.safetensors
        arcuate convert --frames train.npy --balancing spike_norm --factor 0.7 \\
          net.safetensors spiking.nir
        arcuate convert --frames train.npy --evaluate test.npy --labels labels.npy \\
          net.safetensors spiking.safetensors
      """)

  @Argument(help: "\(ModelHelp.readable)")
  var input: String

  @Argument(help: "\(ModelHelp.writable)")
  var output: String

  @Option(help: "Typical frames (.npy), one file for each input port in the order of arcuate info.")
  var frames: [String] = []

  @Option(help: "How the value of a layer's spikes is chosen: data, model or spike_norm.")
  var balancing = BalancingName.data

  @Option(
    parsing: .unconditional,
    help: "For data: percentile of the positive activations; 100 is the maximum.")
  var percentile = 99.9

  @Option(
    parsing: .unconditional,
    help: "For spike_norm: factor on the largest input of a step.")
  var factor: Float = 1

  @Option(
    name: .customLong("input"),
    help: "Input: a constant current, a current at the first step only, or random spikes.")
  var entering = ConversionOptions.Input.constant

  @Option(help: "Apply biases at every step, or once as initial potentials.")
  var bias = ConversionOptions.Bias.everyStep

  @Option(
    help: "Max pooling of spikes passes on the count of the most active input, or is an error.")
  var maxPooling = ConversionOptions.MaximumPooling.spikeMaximum

  @Option(
    help: "Output: membrane potentials, or means over the steps and the functions after them.")
  var readout = ConversionOptions.Readout.potential

  @Option(
    parsing: .unconditional, help: "Initial membrane potential as a fraction of the threshold.")
  var initialPotential: Float = 0

  @Flag(help: "Spike only above the threshold, not at it.")
  var strict = false

  @Flag(help: "Weight the edges of summed layers; default: summed layers share one scale.")
  var separateScales = false

  @Option(
    parsing: .unconditional,
    help: "Steps per frame; required by --input single_shot and --bias once.")
  var steps = 0

  @Option(help: "Seed for --input bernoulli.")
  var seed: UInt64 = 0

  @Option(help: "Frames (.npy) on which to compare both networks, one file for each input port.")
  var evaluate: [String] = []

  @Option(help: "Labels (.npy): the correct output index for each frame of --evaluate.")
  var labels: String?

  @Option(
    help: ArgumentHelp("Numbers of steps after which to compare.", valueName: "steps,.."))
  var after = "5,10,20,50,100"

  @Option(parsing: .unconditional, help: "Number of threads, 1 ... 256.")
  var threads = 1

  @OptionGroup var reading: ReadingOptions

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if frames.isEmpty && (balancing != .model || entering == .bernoulli) {
      throw ValidationError(
        "--frames is missing; to write another file format, use `arcuate export`")
    }
    _ = try evaluatedSteps()
    if labels != nil && evaluate.isEmpty { throw ValidationError("--labels needs --evaluate") }
    try checkOptions(compileOptions.check)
    try checkOptions(options.check)
  }

  private var compileOptions: CompileOptions {
    var options = CompileOptions()
    options.threads = threads
    return options
  }

  private func evaluatedSteps() throws -> [Int] {
    try after.split(separator: ",").map { text in
      guard let steps = Int(text: text), (1...1_000_000).contains(steps) else {
        throw ValidationError("--after must be numbers 1 ... 1000000, got \(after)")
      }
      return steps
    }
  }

  private var options: ConversionOptions {
    var options = ConversionOptions()
    switch balancing {
    case .data: options.balancing = .data(percentile: percentile)
    case .model: options.balancing = .model
    case .spikeNorm: options.balancing = .spikeNorm(factor: factor)
    }
    (options.input, options.bias, options.readout) = (entering, bias, readout)
    options.maximumPooling = maxPooling
    options.comparison = strict ? .greater : .greaterOrEqual
    options.initialPotential = initialPotential
    options.sharesScales = !separateScales
    (options.steps, options.seed) = (steps, seed)
    return options
  }

  func run() throws {
    var files = UsedFiles()
    for path in frames + evaluate { try files.read(path, as: "frames") }
    if let labels { try files.read(labels, as: "labels") }
    if input != output { try files.read(input, as: "input") }
    try files.write(output, as: "output")
    let model = try reading.loadForUse(input)
    let (samples, tests) = (try FrameFiles(frames), try FrameFiles(evaluate))
    let truth = try labels.map(Self.labels)
    let sample = try frames.isEmpty ? nil : sample(samples, of: model)
    let evaluation = try evaluate.isEmpty ? nil : self.sample(tests, of: model)
    let (spiking, report, losses) = try within(input) {
      let (spiking, report) = try model.converted(options, on: sample)
      var losses: [ConversionLoss] = []
      if let evaluation {
        let measurement = try ConversionMeasurement(
          of: model, on: evaluation, labels: truth)
        for steps in try evaluatedSteps() {
          // Some options depend on the number of steps: the network is converted for each.
          var evaluated = spiking
          if options.steps > 0 {
            var options = options
            options.steps = steps
            evaluated = try model.converted(options, on: sample).model
          }
          losses.append(try measurement.loss(of: evaluated, steps: steps))
        }
      }
      return (spiking, report, losses)
    }
    try ModelFile.write(spiking, to: output)
    guard !json else {
      return printJSON(["report": report.json, "losses": .array(losses.map(\.json))])
    }
    StandardOutput.add(report.description)
    guard !losses.isEmpty else { return }
    show()
    show(
      "on \(losses[0].frames) frames, compared with \(input)"
        + (losses[0].artificialAccuracy.map { " (\(Self.percent($0)) correct)" } ?? ""))
    for line in Self.table(losses) { show(line) }
  }

  private func sample(_ files: FrameFiles, of model: Model) throws -> SampleFrames {
    var compiling = try CompileArguments.parse([])
    compiling.threads = threads
    return try files.sample(for: model, at: input, compiling)
  }

  /// Integers from a file. Throws. `malformed`.
  private static func labels(_ path: String) throws -> [Int] {
    try NumpyArray.read(path).values.enumerated().map { i, value in
      guard let label = Int(exactly: value) else {
        throw ArcuateError(.malformed, "label \(i) must be an integer, got \(value)", at: path)
      }
      return label
    }
  }

  private static func percent(_ ratio: Double) -> String { "\(fixed(100 * ratio, 2)) %" }

  private static func table(_ losses: [ConversionLoss]) -> [String] {
    textTable(
      [
        "steps", "correct", "same argmax", "error", "spikes", "additions", "products",
        "operation ratio", "rates",
      ], rightAligned: [0, 1, 2, 3, 4, 5, 6, 7],
      losses.map { loss in
        [
          "\(loss.steps)", loss.accuracy.map(percent) ?? "-", percent(loss.agreement),
          percent(loss.outputError), fixed(loss.spikes, 0), fixed(loss.acs, 0),
          fixed(loss.macs, 0), fixed(loss.operationRatio, 3),
          loss.layers.map { fixed($0.rate, 4) }.joined(separator: " "),
        ]
      })
  }
}

extension ConversionReport {
  fileprivate var json: JSON {
    [
      "frames": .number(frames), "notes": .array(notes.map { .string($0) }),
      "layers": .array(
        layers.map {
          [
            "name": .string($0.name), "neurons": .number($0.neurons),
            "scale": .measured(Double($0.scale)),
            "largest": $0.largest.map { .measured(Double($0)) } ?? .null,
          ]
        }),
    ]
  }
}

extension ConversionLoss {
  fileprivate var json: JSON {
    [
      "frames": .number(frames), "steps": .number(steps),
      "accuracy": accuracy.map { .number($0) } ?? .null,
      "artificial_accuracy": artificialAccuracy.map { .number($0) } ?? .null,
      "agreement": .measured(agreement), "output_error": .measured(outputError),
      "largest_error": .measured(largestError), "spikes": .number(spikes), "acs": .number(acs),
      "macs": .number(macs), "artificial_macs": .number(artificialMACs),
      "layers": .array(
        layers.map {
          [
            "name": .string($0.name), "neurons": .number($0.neurons), "rate": .number($0.rate),
          ]
        }),
    ]
  }
}
