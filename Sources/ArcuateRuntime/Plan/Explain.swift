import ArcuateCore

extension Plan {
  /// The plan in words: options and promise, then each node in the order in which it runs with its
  /// kernels and why, its shape and bytes, then a session's memory.
  public func explain() -> String {
    var lines = ["plan for \(steps.count) nodes"]
    lines += optionLines().map { "  " + $0 }
    lines += ["", "order of work"]
    lines += textTable(
      ["", "node", "kind", "output", "parameters", "kernels", "why"], rightAligned: [0, 4],
      steps.enumerated().map { i, step in
        [
          "\(i)", step.name, step.kind, "\(step.shape)", Plan.bytes(step.operation.byteCount),
          step.kernels.isEmpty ? "-" : step.kernels.map(\.rawValue).joined(separator: ", "),
          step.reason + delays(of: step)
            + (slots[step.output].isInPlace ? "; adds to the membranes behind it" : ""),
        ]
      }
    ).map { "  " + $0 }
    for (heading, cycles) in [
      ("cycles, run step by step", groups.filter { $0.cyclic && $0.population == nil }),
      ("cycles of spikes and delays, run in windows", groups.filter { $0.population != nil }),
    ] where !cycles.isEmpty {
      lines += ["", heading]
      lines += cycles.map { group in
        "  " + steps[group.steps].map { $0.name }.joined(separator: " -> ")
          + (group.population.map {
            ": \($0.window) step\($0.window == 1 ? "" : "s") at once, "
              + "\($0.tiles) tile\($0.tiles == 1 ? "" : "s") of neurons shared by the threads"
          } ?? "")
      }
    }
    if !stages.groups.isEmpty {
      lines += ["", "threads, each a tile behind the one before"]
      lines += stages.groups.enumerated().map { i, range in
        "  \(i)  " + range.flatMap { groups[$0].steps }.map { steps[$0].name }.joined(separator: ", ")
      }
    }
    lines += ["", "memory of a session, 64-byte aligned"]
    lines += memoryLines().map { "  " + $0 }
    return lines.joined(separator: "\n") + "\n"
  }

  private func optionLines() -> [String] {
    let frame = options.stepsPerFrame
    return [
      "numerics   \(options.numerics.rawValue): "
        + (options.numerics == .exact
          ? "the same bits for every batch, chunking, thread count and choice of kernel"
          : "products and sums may be fused, sums made in any order"),
      "processor  \(Instructions.current.rawValue)"
        + (Instructions.remark.map { " (\($0))" } ?? ""),
      "step       " + (dt_s.map { "\($0) s" } ?? "nothing depends on its length"),
      "frame      \(frame) step\(frame == 1 ? "" : "s"), input "
        + (options.frameInput == .hold ? "held" : "at the first step only")
        + ", output " + outputWords
        + ", state \(options.frameState == .keep ? "kept" : "reset") between frames",
      "streams    \(options.batch), on \(options.threads) thread\(options.threads == 1 ? "" : "s")",
      "block      \(block) step\(block == 1 ? "" : "s") of one node run before the next node",
    ]
      + inputs.map { "input      \"\($0.name)\" \($0.shape) \($0.signal.rawValue)" }
      + outputs.map { "output     \"\($0.name)\" \($0.shape) \($0.signal.rawValue)" }
  }

  private var outputWords: String {
    switch options.frameOutput {
    case .last: "of the last step"
    case .sum: "summed over the steps"
    case .mean: "averaged over the steps"
    case .every: "of every step"
    }
  }

  private func memoryLines() -> [String] {
    textTable(
      ["part", "bytes", "holds"], rightAligned: [1],
      [
        ["state", "\(stateByteCount)", "membranes, currents, delays: what is saved and restored"],
        ["rows", "\(valueCount * 4)", "signals of a block"],
        ["lists", "\(listByteCount)", "places of non-zero signals"],
        ["workers", "\(workerByteCount)", "scratch of the threads"],
        [
          "counters", "\(steps.count * options.batch * Counters.roomCount * 8)",
          "for each node and stream",
        ],
        [
          "all", "\(arenaByteCount)",
          "beside \(parameterByteCount) bytes of parameters that all sessions share",
        ],
      ])
  }

  /// What a node sees of the step before, through edges that close cycles.
  private func delays(of step: Step) -> String {
    let late = step.sources.filter(\.delayed).compactMap { source in
      steps.first { $0.output == source.slot }?.name
    }
    return late.isEmpty ? "" : "; from the step before: " + late.joined(separator: ", ")
  }

  private static func bytes(_ count: Int) -> String { count == 0 ? "-" : "\(count) B" }
}
