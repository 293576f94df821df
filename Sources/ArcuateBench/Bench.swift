import Arcuate
import ArcuateConsole
import ArgumentParser
import CArcuate

/// The command `arcuate-bench`: randomly initialised networks, measured against what the machine can do.
@main
struct Bench: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "arcuate-bench",
    abstract: "Measures randomly initialised networks, and how far they are from what this machine allows.",
    usage: "arcuate-bench [<options>] [<workload> ...]",
    discussion: """
      WORKLOADS (by default all):
      \(Workloads.list(Workloads.all))
      Only by name, since they take long:
      \(Workloads.list(Workloads.onRequest))

      Networks and inputs are drawn from --seed; the gain of each spiking layer is set so that its \
      neurons fire at the stated rate. A call is one frame, or one sequence of steps from rest; a \
      round is every drawn input in turn. Speeds of memory and arithmetic are measured by loops \
      in the same process, and give the floor of each workload: --explain has the formula.

      EXAMPLES:
        arcuate-bench
        arcuate-bench speech --weights int8 --batch 1 --threads 2
        arcuate-bench --json figures.json
        arcuate-bench --rounds 0 --write networks
      """,
    version: "arcuate-bench \(ARCUATE_VERSION_MAJOR).\(ARCUATE_VERSION_MINOR).\(ARCUATE_VERSION_PATCH)")

  static func main() { runToExit() }

  @Argument(help: "Workloads to measure; by default all.")
  var workloads: [String] = []

  @Option(parsing: .unconditional, help: "Threads, 1 to 256.")
  var threads = 1

  @Option(
    parsing: .unconditionalSingleValue,
    help:
      "Streams side by side, 1 to 65535; may be given several times. By default each workload's.")
  var batch: [Int] = []

  @Option(help: "Only weights of this type: float32, bfloat16 or int8; may be given several times.")
  var weights: [String] = []

  @Option(
    parsing: .unconditional,
    help: "Rounds to measure, 0 to 10000; with 0 networks are drawn and nothing is measured.")
  var rounds = 11

  @Option(parsing: .unconditional, help: "What networks and inputs are drawn from.")
  var seed: UInt64 = 1

  @Option(help: "exact: the same bits whatever the batch and threads; fast: sums fused and in any order.")
  var numerics = CompileOptions.Numerics.exact

  @Flag(help: "Small networks of the same kinds, to try the command.")
  var small = false

  @Flag(help: "Print how the floor is computed, and measure nothing.")
  var explain = false

  @Option(help: "Write everything as JSON to this file, or - for standard output.")
  var json: String?

  @Option(
    help: """
      Write each network, its inputs and Arcuate's outputs to this folder, with a list in \
      bench.json.
      """)
  var write: String?

  @Flag(help: "No progress on the standard error.")
  var quiet = false

  func validate() throws {
    guard (1...256).contains(threads) else {
      throw ValidationError("--threads must be from 1 to 256, not \(threads)")
    }
    guard (0...10_000).contains(rounds) else {
      throw ValidationError("--rounds must be from 0 to 10000, not \(rounds)")
    }
    for value in batch where !(1...65_535).contains(value) {
      throw ValidationError("--batch must be from 1 to 65535, not \(value)")
    }
    for word in weights where Tensor.Element.named(word) == nil {
      let words = Tensor.Element.allCases.map(\.word).joined(separator: ", ")
      throw ValidationError("--weights must be one of \(words), not \"\(word)\"")
    }
  }

  func run() throws {
    if explain { return show(Floor.explanation) }
    let types = try workloads.isEmpty ? Workloads.all : workloads.map(Workloads.named)
    guard types.contains(where: { !elements(of: $0.init(isSmall: small)).isEmpty }) else {
      throw ArcuateError(
        .invalidArgument, "no workload among these has weights of such a type", at: "--weights")
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
      // Without measurements there is still what was counted.
      try report?.end(with: BenchReport(found, threads: threads, seed: seed).json)
      return
    }
    note("speeds of this machine")
    let machine = try CeilingMeasurement(caches: .ofThisMachine, seed: seed)
    var summary = BenchReport(found, threads: threads, seed: seed)
    summary.productLibrary = machine.productLibrary
    summary.ceilings = try (threads == 1 ? [1] : [1, threads]).map {
      try machine.measure(threads: $0)
    }
    if json != "-" { for line in summary.lines { show(line) } }
    try report?.end(with: summary.json)
  }

  /// All cases of a workload, one after another.
  private func measure(
    _ type: any Workload.Type, into found: inout [BenchMeasurement], _ writer: inout BenchFolder?
  ) throws {
    let workload = type.init(isSmall: small)
    let drawing = Drawing(seed: seed)
    let elements = elements(of: workload)
    guard !elements.isEmpty else { return }
    note("\(type.name): drawing the network")
    var networks: [(Tensor.Element, NetworkFile)] = []
    do {
      let model = try workload.draw(drawing)
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
          if inputs.isEmpty { inputs = benchCase.inputs(drawing) }
          note("\(benchCase.name): \(rounds) rounds of \(inputs.count) calls")
          var one = try BenchMeasurement.of(
            benchCase, network.path, inputs: inputs, rounds: rounds)
          if let wide { one.compare(with: wide) }
          let answers = inputs.indices.compactMap {
            workload.answers(drawing, call: $0, batch: batch)
          }
          if !answers.isEmpty { one.compare(withAnswers: answers.flatMap { $0 }) }
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

  private func note(_ text: String) {
    if !quiet { say("\(programName): \(text)") }
  }
}

extension ByteWriter {
  /// Writes the value as the file's last line.
  fileprivate func end(with json: JSON) throws {
    try write(json.text + [UInt8(ascii: "\n")])
    try ByteWriter.finish([self])
  }
}
