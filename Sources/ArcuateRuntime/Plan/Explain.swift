import ArcuateCore
import ArcuateModel

extension Plan {
  /// The plan as text: each option and where its value comes from, each node in execution order with
  /// its shape, bytes and kernels and why they were chosen, then the memory of a session.
  public func explain() -> String {
    var lines = ["plan for \(steps.count) nodes"]
    lines += optionLines().map { "  " + $0 }
    lines += ["", "order of work"]
    let table = textTable(
      ["", "node", "kind", "output", "parameters", "kernels", "why"], rightAligned: [0, 4],
      steps.enumerated().map { i, step in
        [
          "\(i)", step.name, step.kind, "\(step.shape)", Plan.bytes(step.node.byteCount),
          step.kernels.isEmpty ? "-" : step.kernels.map(\.name).joined(separator: ", "),
          step.reason + delays(of: step)
            + (slots[step.output].isInPlace ? "; adds to the membranes behind it" : ""),
        ]
      })
    for (i, row) in table.enumerated() {
      lines.append("  " + row)
      // Below the head there is a row for each step.
      guard i > 0, let program = program(of: steps[i - 1]) else { continue }
      lines += program.printableLines.map { "       " + $0 }
    }
    for (heading, cycles) in [
      ("cycles, run step by step", groups.filter { $0.isCyclic && $0.population == nil }),
      ("cycles of spikes and delays, run in windows", groups.filter { $0.population != nil }),
    ] where !cycles.isEmpty {
      lines += ["", heading]
      lines += cycles.map { group in
        "  " + group.steps.map(\.name).joined(separator: " -> ")
          + (group.population.map {
            ": \($0.window) step\($0.window == 1 ? "" : "s") at once, "
              + "\($0.tiles) tile\($0.tiles == 1 ? "" : "s") of neurons shared by the threads"
          } ?? "")
      }
    }
    if !stages.groups.isEmpty {
      lines += ["", "threads, each a tile behind the one before"]
      lines += stages.groups.enumerated().map { i, range in
        "  \(i)  " + range.flatMap { groups[$0].steps }.map(\.name).joined(separator: ", ")
      }
    }
    lines += ["", "memory of a session, 64-byte aligned"]
    lines += memoryLines().map { "  " + $0 }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The texts of neuron programs by the names of their nodes.
  public var programs: [String: String] {
    var texts: [String: String] = [:]
    for step in steps { texts[step.name] = program(of: step)?.text }
    return texts
  }

  private func program(of step: NodeStep) -> NeuronProgram? {
    switch model.nodes[step.identity.node].op {
    case .program(let neuron): neuron.program
    case .neuron(let neuron):
      dt_s.flatMap { neuron.ruled(model.semantics, dt_s: $0) }?.program
    default: nil
    }
  }

  /// Where the length of a step comes from: "given" or "model"; nil if nothing depends on it.
  public var dtOrigin: String? { dt_s.map { _ in options.dt_s == nil ? "model" : "given" } }

  private func optionLines() -> [String] {
    func line(_ name: String, _ value: String) -> String {
      name + String(repeating: " ", count: max(1, 17 - name.utf8.count)) + value
    }
    func option<T>(_ name: String, _ option: CompileOption<T>, _ words: String? = nil) -> String {
      line(
        name,
        "\(option.wrappedValue) (\(option.origin.rawValue))" + (words.map { ": " + $0 } ?? ""))
    }
    return [
      option("numerics", options.$numerics, numericsWords),
      line(
        "processor", Instructions.current.rawValue + (Instructions.remark.map { " (\($0))" } ?? "")),
      line(
        "step",
        dt_s.map { "\($0) s (\(dtOrigin ?? ""))" } ?? "nothing depends on its length"),
      option("steps per frame", options.$stepsPerFrame),
      option("frame state", options.$frameState, frameStateWords),
      option("frame input", options.$frameInput, frameInputWords),
      option("frame output", options.$frameOutput, frameOutputWords),
      option("batch", options.$batch),
      option("threads", options.$threads),
      line("block", "\(block) step\(block == 1 ? "" : "s") of one node run before the next node"),
    ]
      + inputs.map { line("input", "\"\($0.name)\" \($0.shape) \($0.signal.rawValue)") }
      + outputs.map { line("output", "\"\($0.name)\" \($0.shape) \($0.signal.rawValue)") }
  }

  private var numericsWords: String {
    switch options.numerics {
    case .exact: "the same bits for every batch, chunking, thread count and choice of kernel"
    case .fast: "products and sums may be fused, sums evaluated in any order"
    }
  }

  private var frameStateWords: String {
    switch options.frameState {
    case .keep: "state is kept between frames"
    case .reset: "each frame starts from rest"
    }
  }

  private var frameInputWords: String {
    switch options.frameInput {
    case .hold: "the same values at every step"
    case .first: "the values at the first step, then zeros"
    }
  }

  private var frameOutputWords: String {
    switch options.frameOutput {
    case .last: "the last step"
    case .sum: "the sum over the steps"
    case .mean: "the mean over the steps"
    case .every: "every step"
    }
  }

  private func memoryLines() -> [String] {
    textTable(
      ["part", "bytes", "holds"], rightAligned: [1],
      [
        ["state", "\(stateByteCount)", "membranes, currents, delays: what is saved and restored"],
        ["rows", "\(size.values * 4)", "signals of a block"],
        ["lists", "\(size.listByteCount)", "indices of nonzero signals"],
        ["workers", "\(size.workerByteCount)", "scratch of the threads"],
        [
          "counters", "\(size.counterByteCount)",
          "for each node and stream",
        ],
        [
          "all", "\(arenaByteCount)",
          "beside \(parameterByteCount) bytes of parameters that all sessions share",
        ],
      ])
  }

  /// What a node sees of the step before, through edges that close cycles.
  private func delays(of step: NodeStep) -> String {
    let late = step.sources.filter(\.isDelayed).compactMap { source in
      steps.first { $0.output == source.slot }?.name
    }
    return late.isEmpty ? "" : "; from the step before: " + late.joined(separator: ", ")
  }

  private static func bytes(_ count: Int) -> String { count == 0 ? "-" : "\(count) B" }
}
