import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

extension Conversion.Input: ExpressibleByArgument {}
extension Conversion.Bias: ExpressibleByArgument {}
extension Conversion.MaximumPooling: ExpressibleByArgument {}
extension Conversion.Readout: ExpressibleByArgument {}

/// What a spike of a layer stands for, by the names of the command line.
enum BalancingName: String, CaseIterable, ExpressibleByArgument {
  case data, model
  case spikeNorm = "spike_norm"
}

/// `arcuate spike`: an artificial network as a spiking one, and what that loses.
struct Spike: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes an artificial network as a spiking one and says what that loses.",
    usage: "arcuate spike [<options>] --frames <frames> <input> <output>",
    discussion: """
      Every ReLU becomes integrate-and-fire neurons that subtract their threshold when they spike; \
      batch normalisation is folded first. What a spike of a layer stands for is chosen on frames, \
      which should not be those that the result is judged on. The output shows potentials.

      EXAMPLES:
        arcuate spike --frames train.npy net.safetensors spiking.safetensors
        arcuate spike --frames train.npy --percentile 100 net.safetensors spiking.safetensors
        arcuate spike --frames train.npy --balancing spike_norm --factor 0.7 net.safetensors s.nir
        arcuate spike --frames train.npy --evaluate test.npy --labels labels.npy net.safetensors \
      spiking.safetensors
      """)

  @Argument(help: "A .nir or .safetensors file or a Kaldi nnet3 model.")
  var input: String

  @Argument(help: "The file to write, whole or not at all.")
  var output: String

  @Option(
    help: """
      A .npy file of frames that show what the network meets, given once for each input port in \
      the order of arcuate info.
      """)
  var frames: [String] = []

  @Option(help: "What a spike stands for is chosen by: data, model or spike_norm.")
  var balancing = BalancingName.data

  @Option(help: "Of data: the percentile of the positive activations; 100 is the largest.")
  var percentile = 99.9

  @Option(help: "Of spike_norm: times the largest input of a step.")
  var factor: Float = 1

  @Option(
    name: .customLong("input"),
    help: "A frame is a constant current, a single shot, or drawn spikes.")
  var entering = Conversion.Input.constant

  @Option(help: "Neurons get their bias at every step, or once as the membrane at rest.")
  var bias = Conversion.Bias.everyStep

  @Option(help: "Max pooling after neurons counts spikes, or is refused.")
  var maxPooling = Conversion.MaximumPooling.spikeMaximum

  @Option(help: "The output shows potentials, or means over the steps and what follows them.")
  var readout = Conversion.Readout.potential

  @Option(
    parsing: .unconditional, help: "The membrane at rest as a fraction of the threshold.")
  var initialPotential: Float = 0

  @Flag(help: "A membrane must be above the threshold to spike.")
  var strict = false

  @Flag(
    help:
      "Weigh the spikes of layers that are summed on their edges; by default they share a scale.")
  var separateScales = false

  @Option(
    help: "Steps of a frame the network is made for; a single shot and a bias given once need it.")
  var steps = 0

  @Option(help: "Of the draws of a Bernoulli input.")
  var seed: UInt64 = 0

  @Option(
    help: "A .npy file of frames on which to compare both networks, once for each input port.")
  var evaluate: [String] = []

  @Option(help: "A .npy file of the right output's place for each frame of --evaluate.")
  var labels: String?

  @Option(
    help: ArgumentHelp(
      "Steps after which to compare, parted by commas.", valueName: "steps,.."))
  var after = "5,10,20,50,100"

  @Option(parsing: .unconditional, help: "Threads, 1 to 256.")
  var threads = 1

  @OptionGroup var reading: ReadingOptions

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    _ = try moments()
    if labels != nil && evaluate.isEmpty { throw ValidationError("--labels needs --evaluate.") }
    guard (1...256).contains(threads) else {
      throw ValidationError("--threads must be from 1 to 256, not \(threads)")
    }
  }

  private func moments() throws -> [Int] {
    try after.split(separator: ",").map { text in
      guard let steps = Int(text), (1...1_000_000).contains(steps) else {
        throw ValidationError("--after \(after) is no list of steps from 1 to 1000000")
      }
      return steps
    }
  }

  private var options: Conversion {
    var options = Conversion()
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
    let right = try labels.map(Self.places)
    let (spiking, report, losses) = try within(input) {
      let sample = frames.isEmpty ? nil : try sample(samples, of: model)
      let (spiking, report) = try model.converted(options, on: sample)
      var losses: [ConversionLoss] = []
      if !evaluate.isEmpty {
        let measurement = try ConversionMeasurement(
          of: model, on: try self.sample(tests, of: model), labels: right)
        for moment in try moments() {
          // Some choices depend on the number of steps: the network is made anew for each.
          var made = spiking
          if options.steps > 0 {
            var options = options
            options.steps = moment
            made = try model.converted(options, on: sample).model
          }
          losses.append(try measurement.loss(of: made, steps: moment))
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
      "on \(losses[0].frames) frames beside \(input)"
        + (losses[0].artificialAccuracy.map { ", which has \(Self.percent($0)) right" } ?? ""))
    for line in Self.table(losses) { show(line) }
  }

  private func sample(_ files: FrameFiles, of model: Model) throws -> SampleFrames {
    var compiling = try CompileArguments.parse([])
    compiling.threads = threads
    return try files.sample(for: model, compiling)
  }

  /// Whole numbers from a file. Throws. `malformed`.
  private static func places(_ path: String) throws -> [Int] {
    try NumpyArray.read(path).values.enumerated().map { i, value in
      guard let place = Int(exactly: value) else {
        throw ArcuateError(.malformed, "label \(i) is \(value), not a whole number", at: path)
      }
      return place
    }
  }

  private static func percent(_ ratio: Double) -> String { "\(fixed(100 * ratio, 2)) %" }

  private static func table(_ losses: [ConversionLoss]) -> [String] {
    textTable(
      [
        "steps", "right", "same maximum", "error", "spikes", "additions", "products",
        "per product of the artificial", "rates",
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
            "scale": .number(Double($0.scale)),
            "largest": $0.largest.map { .number(Double($0)) } ?? .null,
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
      "agreement": .number(agreement), "output_error": .number(outputError),
      "largest_error": .number(largestError), "spikes": .number(spikes), "acs": .number(acs),
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
