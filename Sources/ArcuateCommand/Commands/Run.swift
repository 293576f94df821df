import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

/// `arcuate run`: runs a model on frames or events.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a model on frames from NumPy files and prints its counters.",
    discussion: """
      Each input port takes one .npy file, in the order of arcuate info: [frames, shape] or \
      [frames, batch, shape], of float32, float64, integers or booleans. Outputs are float32: \
      [frames, shape] or [frames, batch, shape]; with --frame-output every, [frames, steps, ...].

      The events of a recording (.bin or .bs2 of N-MNIST, .es, .raw, .dat, .aedat, .aedat4) run \
      with one step for each dt; the output is [steps, shape], and its sums over the steps are \
      printed. Darker events are channel 0, brighter ones channel 1.

      EXAMPLES:
        arcuate run net.nir input.npy
        arcuate run net.nir input.npy -o output.npy
        arcuate run --steps-per-frame 10 --counters net.nir input.npy
        arcuate run --json net.nir input.npy
        arcuate run --dt 0.001 --steps 300 cnn.nir 00001.bin
      """)

  @Argument(help: "\(ModelHelp.readable)")
  var model: String

  @Argument(help: "One .npy file for each input port, or one event recording.")
  var inputs: [String]

  @Option(
    name: .shortAndLong,
    help: "A .npy file to write, one for each output port in the order of arcuate info.")
  var output: [String] = []

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var compiling: CompileArguments

  @Option(
    parsing: .unconditional,
    help: "Steps of a recording to run, 0 ... 1000000; default: up to the last event.")
  var steps: Int?
  static let stepCounts = 0...1_000_000

  @Flag(help: "Print the counters of each node.")
  var counters = false

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(help: "Show no progress.")
  var quiet = false

  func validate() throws {
    try checkRange("--steps", steps, Self.stepCounts)
    for path in output where !path.hasSuffix(".npy") && !Files.isSpecial(path) {
      throw ValidationError("--output must end in .npy, got \"\(path)\"")
    }
  }

  func run() throws {
    var files = UsedFiles()
    try files.read(self.model, as: "model")
    for path in inputs { try files.read(path, as: "input") }
    for path in output { try files.write(path, as: "output") }
    let model = try reading.loadForUse(model)
    if isRecording { return try runRecording(model) }
    guard steps == nil else {
      throw ValidationError("--steps is for recordings of events; frames take --steps-per-frame")
    }
    let given = try FrameFiles(inputs)
    let (options, hasBatch) = try given.options(for: model, at: self.model, compiling)
    let plan = try within(self.model) { try model.compile(options) }
    let (frames, arrays) = (given.frames, given.arrays)
    guard output.count <= plan.outputs.count else {
      throw ArcuateError(
        .invalidArgument,
        "\(output.count) files for \(plan.outputs.count) output ports", at: "--output")
    }
    let session = try compiling.session(plan)
    var results = [[Float]](repeating: [], count: plan.outputs.count)
    var progress = Progress("frames", quiet: quiet)
    let start = ContinuousClock.now
    var done = 0
    while done < frames {
      let count = min(64, frames - done)
      let parts = plan.inputs.indices.map { port -> [Float] in
        let size = plan.inputCount(port: port, frames: 1)
        return Array(arrays[port].values[done * size..<(done + count) * size])
      }
      for (port, values) in try session.run(frames: count, parts).enumerated() {
        results[port] += values
      }
      done += count
      progress.update(done, fraction: Double(done) / Double(frames))
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    Progress.clear()
    for (port, path) in output.enumerated() {
      try NumpyArray(extents: extents(plan, port, frames, hasBatch), values: results[port])
        .write(to: path)
    }
    try report(session, frames, hasBatch, seconds)
  }

  func extents(_ plan: Plan, _ port: Int, _ frames: Int, _ hasBatch: Bool) -> [Int] {
    [frames] + (plan.options.frameOutput == .every ? [plan.options.stepsPerFrame] : [])
      + (hasBatch ? [plan.options.batch] : []) + plan.outputs[port].shape.extents
  }

  func report(
    _ session: Session, _ frames: Int, _ hasBatch: Bool, _ seconds: Double,
    sums: [[Float]] = []
  ) throws {
    let plan = session.plan
    let total = try session.totalCounters()
    let nodes = try plan.nodeNames.enumerated().map { i, name in
      (name, try session.counters(at: i))
    }
    let perFrame = frames == 0 ? 0 : seconds / Double(frames)
    if json {
      printJSON(
        [
          "frames": .number(frames), "batch": .number(plan.options.batch),
          "steps_per_frame": .number(plan.options.stepsPerFrame),
          "outputs": .array(
            plan.outputs.indices.map { port in
              [
                "name": .string(plan.outputs[port].name),
                "shape": .array(extents(plan, port, frames, hasBatch).map { .number($0) }),
                "sums": sums.isEmpty ? .null : .array(sums[port].map { .measured($0) }),
              ]
            }), "seconds": .number(seconds), "seconds_per_frame": .number(perFrame),
          "total": total.json,
          "nodes": .array(
            nodes.map { ["name": .string($0.0), "counters": $0.1.json] }),
        ])
      return
    }
    for port in plan.outputs.indices {
      show("output     \"\(plan.outputs[port].name)\" \(extents(plan, port, frames, hasBatch))")
    }
    for (port, sum) in sums.enumerated() where (1...32).contains(sum.count) {
      let best = sum.indices.max { sum[$0] < sum[$1] }!
      show("sums       \(sum), largest at \(best) of \"\(plan.outputs[port].name)\"")
    }
    show("spikes     \(total.spikes)")
    show(
      "operations \(total.macs) MAC + \(total.acs) AC of \(total.denseOperations) dense operations"
    )
    show("time       \(fixed(perFrame * 1000, 4)) ms per frame, \(fixed(seconds, 3)) s in total")
    guard counters else { return }
    show()
    for line in textTable(
      ["node", "spikes", "MAC", "AC", "dense", "updates"], rightAligned: [1, 2, 3, 4, 5],
      nodes.map {
        [
          $0.0, "\($0.1.spikes)", "\($0.1.macs)", "\($0.1.acs)", "\($0.1.denseOperations)",
          "\($0.1.neuronUpdates)",
        ]
      })
    { show(line) }
  }
}

extension Counters {
  /// With the names that all reports use.
  var json: JSON {
    [
      "spikes": .number(spikes), "macs": .number(macs), "acs": .number(acs),
      "dense_operations": .number(denseOperations), "neuron_updates": .number(neuronUpdates),
    ]
  }
}
