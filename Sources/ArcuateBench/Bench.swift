import Arcuate
import ArcuateConsole
import ArgumentParser
import CArcuate

/// The command `arcuate-bench`: measures randomly initialized networks against the machine's limits.
@main
struct Bench: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "arcuate-bench",
    abstract: "Measures randomly initialized networks against the limits of this machine.",
    usage: "arcuate-bench [<options>] [<workload> ...]",
    discussion: """
      WORKLOADS (default: all):
      \(Workloads.list(Workloads.all))
      Long-running, only if named:
      \(Workloads.list(Workloads.onRequest))

      Networks and inputs depend only on --seed; the gain of each spiking layer is set so that its \
      neurons fire at the stated rate. A call is one frame, or one sequence of steps from rest; a \
      round is one call for each input. Loops in the same process measure the speed of memory and \
      arithmetic, from which a lower bound (floor) follows for each workload; see --explain.

      EXAMPLES:
        arcuate-bench
        arcuate-bench speech --weights int8 --batch 1 --threads 2
        arcuate-bench --json figures.json
        arcuate-bench --rounds 0 --write networks
      """,
    version:
      "arcuate-bench \(ARCUATE_VERSION_MAJOR).\(ARCUATE_VERSION_MINOR).\(ARCUATE_VERSION_PATCH)")

  static func main() { runToExit() }

  @Argument(help: "Workloads to measure; default: all.")
  var workloads: [String] = []

  @Option(parsing: .unconditional, help: "Number of threads, 1 ... 256.")
  var threads = 1

  @Option(
    parsing: .unconditionalSingleValue,
    help: "Streams that run together, 1 ... 65535; repeatable. Default: those of each workload.")
  var batch: [Int] = []

  @Option(
    help: "Weight type: float32, bfloat16 or int8; repeatable. Default: those of each workload.")
  var weights: [String] = []

  @Option(
    parsing: .unconditional,
    help: "Rounds to measure, 0 ... 10000; 0 builds the networks without measuring.")
  var rounds = 11

  @Option(parsing: .unconditional, help: "Seed for networks and inputs.")
  var seed: UInt64 = 1

  @Option(
    help: """
      exact: the same bits for every batch and number of threads; fast: fused and reordered sums.
      """)
  var numerics = CompileOptions.Numerics.exact

  @Flag(help: "Small networks, to try the command.")
  var small = false

  @Flag(help: "Print how the floor is computed, without measuring.")
  var explain = false

  @Option(help: "Write all results as JSON to this file; - is standard output.")
  var json: String?

  @Option(
    help: """
      Write each network, its inputs and Arcuate's outputs to this folder, listed in bench.json.
      """)
  var write: String?

  @Flag(help: "Show no progress.")
  var quiet = false

  func validate() throws {
    var options = CompileOptions()
    options.threads = threads
    for batch in batch + [1] {
      options.batch = batch
      try checkOptions(options.check)
    }
    try checkRange("--rounds", rounds, 0...10_000)
    for word in weights where Tensor.Element.named(word) == nil {
      let words = Tensor.Element.allCases.map(\.word).joined(separator: ", ")
      throw ValidationError("--weights must be one of \(words), got \"\(word)\"")
    }
  }

  func run() throws {
    if explain { return show(Floor.explanation) }
    let types = try workloads.isEmpty ? Workloads.all : workloads.map(Workloads.named)
    guard types.contains(where: { !elements(of: $0.init(isSmall: small)).isEmpty }) else {
      throw ArcuateError(
        .invalidArgument, "none of these workloads has weights of this type", at: "--weights")
    }
    var files = UsedFiles()
    if let json { try files.write(json, as: "figures") }
    let report = try json.map { try ByteWriter($0) }
    defer { report?.discard() }
    var writer = try write.map { try BenchFolder($0) }
    var found: [BenchMeasurement] = []
    for type in types { try measure(type, into: &found, &writer) }
    try writer?.finish()
    guard rounds > 0 else {
      // The counters are known without measuring.
      try report?.end(with: BenchReport(found, threads: threads, seed: seed).json)
      return
    }
    progress("speed of this machine")
    let machine = try CeilingMeasurement(caches: .ofThisMachine, seed: seed)
    var summary = BenchReport(found, threads: threads, seed: seed)
    summary.productLibrary = machine.productLibrary
    summary.ceilings = try (threads == 1 ? [1] : [1, threads]).map {
      try machine.measure(threads: $0)
    }
    if json != "-" { for line in summary.lines { show(line) } }
    try report?.end(with: summary.json)
  }

  /// Measures all cases of a workload.
  private func measure(
    _ type: any Workload.Type, into found: inout [BenchMeasurement], _ writer: inout BenchFolder?
  ) throws {
    let workload = type.init(isSmall: small)
    let random = RandomSource(seed: seed)
    let elements = elements(of: workload)
    guard !elements.isEmpty else { return }
    progress("\(type.name): building the network")
    var networks: [(Tensor.Element, NetworkFile)] = []
    do {
      let model = try workload.makeModel(random)
      for element in elements {
        networks.append(
          (
            element,
            try NetworkFile(
              element == .float32 ? model : try model.quantized(to: element).model,
              at: writer?.path(type.name, element))
          ))
      }
    }
    for steps in workload.lengths {
      for batch in self.batch.isEmpty ? workload.batches : self.batch {
        var wide: [[Float]]?
        var inputs: [[Float]] = []
        for (element, network) in networks {
          let benchCase = BenchCase(
            workload: workload, workloadName: type.name, element: element, steps: steps,
            batch: batch, threads: threads, numerics: numerics)
          if inputs.isEmpty { inputs = benchCase.inputs(random) }
          progress("\(benchCase.name): \(rounds) rounds of \(inputs.count) calls")
          var one = try BenchMeasurement.of(
            benchCase, network.path, inputs: inputs, rounds: rounds)
          if let wide { one.compare(with: wide) }
          let labels = inputs.indices.compactMap {
            workload.labels(random, call: $0, batch: batch)
          }
          if !labels.isEmpty { one.compare(withLabels: labels.flatMap { $0 }) }
          if element == .float32 { wide = one.outputs }
          try writer?.add(one, inputs: inputs)
          one.outputs = []
          found.append(one)
        }
      }
    }
  }

  private func elements(of workload: any Workload) -> [Tensor.Element] {
    workload.elements.filter { weights.isEmpty || weights.contains($0.word) }
  }

  private func progress(_ text: String) {
    if !quiet { note(text) }
  }
}

extension ByteWriter {
  /// Writes the value and ends the file.
  fileprivate func end(with json: JSON) throws {
    try write(json.text + [UInt8(ascii: "\n")])
    try ByteWriter.finish([self])
  }
}
