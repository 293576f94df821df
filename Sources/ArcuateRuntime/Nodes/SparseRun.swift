import ArcuateCore
import ArcuateKernels

/// Connections with delays, one step of one stream at a time.
extension Session {
  /// Runs the node at `index` over a range of steps.
  func runSparse(
    _ index: Int, _ packed: PackedSparse, _ input: Slot, _ shift: Int, _ output: Slot,
    _ range: Range<Int>, _ streams: Range<Int>
  ) {
    let step = plan.steps[index]
    for t in range {
      for b in streams {
        let arriving = row(input, t + shift, b)
        let found = nonzero(input, t + shift, b)[0]
        let places = list(input, t + shift, b)
        if packed.isStateless {
          let out = row(output, t, b)
          out.fill(0)
          for tile in 0..<packed.outputTiles {
            let (first, count) = Session.tile(tile, of: step.outputCount)
            packed.weights.kernel.addRows(
              places, count: Int(found.count), known: Int(found.count), first: 0,
              values: found.unit != 0 ? arriving.part(0, 0) : arriving, tile: tile,
              sum: out.part(first, count))
          }
        } else {
          keep(packed, arriving, places, found, t, b)
          if !packed.isEarly { emit(packed, row(output, t, b), step.outputCount, t, b) }
        }
        countSynapses(index, step, input, t + shift, b)
      }
    }
  }

  /// Writes what arrives at the other end at step `t`.
  func emit(_ packed: PackedSparse, _ output: Row<Float>, _ count: Int, _ t: Int, _ b: Int) {
    let now = stepCounts[b] &+ UInt64(t)
    let memory = memory(packed, b)
    output.fill(0)
    for tile in 0..<packed.outputTiles {
      let (first, width) = Session.tile(tile, of: count)
      let sum = output.part(first, width)
      if packed.isRing {
        let row = memory.sums(tile, at: now).part(0, width)
        sum.copy(from: row)
        row.fill(0)
      } else {
        memory.addRows(now, tile, sum)
      }
    }
  }

  /// Remembers what leaves at step `t`.
  private func keep(
    _ packed: PackedSparse, _ input: Row<Float>, _ places: Row<UInt32>, _ found: NonzeroCount,
    _ t: Int, _ b: Int
  ) {
    let now = stepCounts[b] &+ UInt64(t)
    let memory = memory(packed, b)
    if packed.isRing {
      for tile in 0..<packed.outputTiles {
        packed.weights.kernel.addToRing(
          places, count: Int(found.count), known: Int(found.count), first: 0,
          values: found.unit != 0 ? input.part(0, 0) : input, tile: tile, step: now,
          sums: memory.sums(tile))
      }
    } else {
      let row = memory.row(now)
      memory.values(row).copy(from: input.part(0, packed.historyStride))
      findLists(packed, memory, row)
    }
  }

  private func findLists(_ packed: PackedSparse, _ memory: SparseMemory, _ row: Int) {
    for tile in 0..<packed.inputTiles {
      let (first, count) = Session.tile(tile, of: packed.weights.inputs)
      let part = memory.values(row).part(first, (count + 15) & ~15)
      memory.setCount(row, tile, findNonzero(part, count: count, list: memory.list(row, tile)))
    }
  }

  /// Brings a stream's memory of the connections to rest.
  func restSparse(_ packed: PackedSparse, _ b: Int) {
    guard !packed.isStateless else { return }
    let memory = memory(packed, b)
    memory.state.fill(0)
    memory.counts.fill(NonzeroCount(count: 0, unit: true))
  }

  /// Finds again what follows from the state, after it was replaced.
  func findSparseLists() {
    for step in plan.steps {
      guard case .sparse(let packed) = step.operation, !packed.isStateless, !packed.isRing else {
        continue
      }
      for b in 0..<plan.options.batch {
        for row in 0..<packed.historyRows { findLists(packed, memory(packed, b), row) }
      }
    }
  }
}
