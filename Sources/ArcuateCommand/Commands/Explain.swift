import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

/// `arcuate explain`: the plan of a model.
struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the plan of a model: order, kernels and reasons, memory, numerics.",
    usage: "arcuate explain [<options>] <model>",
    discussion: """
      EXAMPLES:
        arcuate explain digits.nir
        arcuate explain --batch 32 --numerics fast digits.nir
      """)

  @Argument(help: "\(ModelHelp.readable)")
  var model: String

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var compiling: CompileArguments

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let model = try reading.loadForUse(model)
    var options = try within(self.model) { try compiling.options(for: model) }
    // The reader stored --dt in the model; without this, its origin would be reported as the model.
    options.dt_s = reading.dt
    let plan = try within(self.model) { try model.compile(options) }
    guard json else { return StandardOutput.add(plan.explain()) }
    func ports(_ ports: [Plan.Port]) -> JSON {
      .array(
        ports.map {
          [
            "name": .string($0.name), "shape": $0.shape.json, "signal": .string($0.signal.rawValue),
          ]
        })
    }
    options = plan.options
    printJSON(
      [
        "instructions": .string(Instructions.current.rawValue),
        "dt_s": plan.dt_s.map { .number($0) } ?? .null,
        "steps_per_frame": .number(options.stepsPerFrame),
        "frame_state": .string(options.frameState.rawValue),
        "frame_input": .string(options.frameInput.rawValue),
        "frame_output": .string(options.frameOutput.rawValue),
        "batch": .number(options.batch), "threads": .number(options.threads),
        "numerics": .string(options.numerics.rawValue),
        "origins": [
          "dt_s": plan.dtOrigin.map { .string($0) } ?? .null,
          "steps_per_frame": .string(options.$stepsPerFrame.origin.rawValue),
          "frame_state": .string(options.$frameState.origin.rawValue),
          "frame_input": .string(options.$frameInput.origin.rawValue),
          "frame_output": .string(options.$frameOutput.origin.rawValue),
          "batch": .string(options.$batch.origin.rawValue),
          "threads": .string(options.$threads.origin.rawValue),
          "numerics": .string(options.$numerics.origin.rawValue),
        ],
        "inputs": ports(plan.inputs),
        "outputs": ports(plan.outputs), "nodes": .array(plan.nodeNames.map { .string($0) }),
        "programs": .object(plan.programs.mapValues { .string($0) }),
        "parameter_bytes": .number(plan.parameterByteCount),
        "state_bytes": .number(plan.stateByteCount),
        "session_bytes": .number(plan.arenaByteCount), "text": .string(plan.explain()),
      ])
  }
}
