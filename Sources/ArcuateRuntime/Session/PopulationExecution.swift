import ArcuateCore
import ArcuateKernels

/// A cycle of spikes and delays, window by window, its tiles shared out among threads.
///
/// Threads meet once a window. A worker owns tiles of neurons together with all sums that lead to
/// them; what it reads of others are the spikes of earlier windows. The sums and their order are
/// those of `emit` and `keep`, so that the bits are too.
extension Session {
  /// Whether nobody watches what the windows do not keep.
  func runsInWindows(_ group: Plan.Group) -> Bool {
    group.population != nil && !probes.contains { group.steps.contains($0.step) }
  }

  /// Runs the cycle over the block for some streams; with one stream, on all threads.
  func runPopulation(_ population: Population, _ streams: Range<Int>, worker: Int) {
    if let workers, plan.options.batch == 1, population.tiles > 1 {
      job = .population(population)
      workers.run()
    } else {
      for b in streams { runWindows(population, b, worker: worker, share: 0, shares: 1) }
    }
    for b in streams { countPopulation(population, b) }
  }

  /// Runs the whole block for the share of tiles `share` of `shares`.
  func runWindows(_ population: Population, _ b: Int, worker: Int, share: Int, shares: Int) {
    let own =
      population.tiles * share / shares..<population.tiles * (share + 1) / shares
    var start = 0
    while start < blockSteps {
      let range = start..<min(start + population.window, blockSteps)
      for layer in population.layers {
        for tile in 0..<layer.tiles where own.contains(layer.firstTile + tile) {
          runTile(layer, tile, range, b, worker, changed: b * population.tiles + layer.firstTile + tile)
        }
      }
      if shares > 1 { meeting.wait(shares) }
      for layer in population.layers { push(layer, own, range, b) }
      if share == 0 {
        for layer in population.layers { show(layer, range, b) }
      }
      start = range.upperBound
    }
  }

  /// All steps of a window for one tile of neurons.
  private func runTile(
    _ layer: Population.Layer, _ tile: Int, _ range: Range<Int>, _ b: Int, _ worker: Int,
    changed: Int
  ) {
    guard case .neuron(let neurons, let memory) = plan.steps[layer.step].operation else { return }
    let (first, count) = Session.tile(tile, of: neurons.count)
    let padded = (count + 15) & ~15
    let stride = plan.slots[plan.steps[layer.step].output].stride
    func memoryRow(_ offset: Int) -> Row<Float> {
      offset < 0 ? state.row.part(0, 0) : state.row.part(offset + b * stride + first, padded)
    }
    let (membrane, current) = (memoryRow(memory.membrane), memoryRow(memory.current))
    let scratch = worker * Population.scratchRows * SparseWeights.tile
    let sum = populationRows.row.part(scratch, padded)
    let base = populationRows.row.part(scratch + SparseWeights.tile, padded)
    let silence = populationRows.row.part(scratch + 2 * SparseWeights.tile, 16)
    let part = neurons.tile(first: first, count: count)
    let target = sparse(layer.targets[0], b)
    var changes = 0
    for t in range {
      let now = stepCounts[b] &+ UInt64(t)
      var before = silence
      var last = sum
      for (k, source) in layer.sources.enumerated() {
        switch source {
        case .slot(let slot):
          last = row(plan.slots[slot], t, b).part(first, padded)
        case .sparse(let index):
          let memory = sparse(index, b)
          if memory.isRing {
            last = memory.sums(tile, at: now).part(0, padded)
          } else {
            if t == range.lowerBound { memory.prefetch(now, tile) }
            memory.addRows(now, tile, sum)
            if t + 1 < range.upperBound { memory.prefetch(now &+ 1, tile) }
            last = sum
          }
        }
        // The last two rows are added by the kernel, which leaves zeros where connections add.
        if k + 1 == layer.sources.count {
          if case .slot = source {
            sum.copy(from: last)
            last = sum
          }
        } else if k == 0, case .slot = source {
          before = last
        } else {
          if k == 0 { base.copy(from: last) } else { Elementwise.add(before, last, into: base, count: padded) }
          if case .sparse = source { last.fill(0) }
          before = base
        }
      }
      let at = target.row(now)
      forget(target, at, tile)
      let list = target.list(at, tile)
      let outcome = part.step(
        base: before, sum: last, membrane: membrane, current: current, list: list)
      remember(target, at, tile, list, outcome.spikes)
      for other in layer.targets.dropFirst() {
        let other = sparse(other, b)
        let at = other.row(now)
        forget(other, at, tile)
        let own = other.list(at, tile)
        for e in 0..<outcome.spikes { own[e] = list[e] }
        remember(other, at, tile, own, outcome.spikes)
      }
      changes &+= now == 0 ? count : outcome.changed
    }
    populationChanges[changed] = populationChanges[changed] &+ UInt64(changes)
  }

  /// Takes the spikes of the row's last use out of the state.
  @inline(__always)
  private func forget(_ memory: SparseMemory, _ row: Int, _ tile: Int) {
    guard !memory.isRing else { return }
    let count = Int(memory.count(row, tile).count)
    guard count > 0 else { return }
    let (values, list) = (memory.values(row), memory.list(row, tile))
    for e in 0..<count { values[tile * SparseWeights.tile + Int(list[e])] = 0 }
  }

  /// Puts the listed spikes into the state.
  @inline(__always)
  private func remember(
    _ memory: SparseMemory, _ row: Int, _ tile: Int, _ list: Row<UInt32>, _ count: Int
  ) {
    memory.setCount(row, tile, NonzeroCount(count: count, unit: true))
    guard !memory.isRing, count > 0 else { return }
    let values = memory.values(row)
    for e in 0..<count { values[tile * SparseWeights.tile + Int(list[e])] = 1 }
  }

  /// Sends the spikes of a window into the rings of the tiles in `own`.
  private func push(_ layer: Population.Layer, _ own: Range<Int>, _ range: Range<Int>, _ b: Int) {
    for case .sparse(let index) in layer.sources {
      let memory = sparse(index, b)
      guard memory.isRing else { continue }
      for tile in 0..<layer.tiles where own.contains(layer.firstTile + tile) {
        let sums = memory.sums(tile)
        for t in range {
          let now = stepCounts[b] &+ UInt64(t)
          let row = memory.row(now)
          for from in 0..<memory.inputTiles {
            let count = Int(memory.count(row, from).count)
            if count == 0 { continue }
            memory.kernel.addToRing(
              memory.list(row, from), count: count, first: from * SparseWeights.tile,
              values: sums.part(0, 0), tile: tile, step: now, sums: sums)
          }
        }
      }
    }
  }

  /// Writes a window's spikes where other nodes look for them, and counts.
  private func show(_ layer: Population.Layer, _ range: Range<Int>, _ b: Int) {
    let output = plan.slots[plan.steps[layer.step].output]
    let memory = sparse(layer.targets[0], b)
    for t in range {
      let at = memory.row(stepCounts[b] &+ UInt64(t))
      let row = row(output, t, b)
      let list = list(output, t, b)
      // A row always agrees with its list, so that only what was listed needs to be cleared.
      for e in 0..<Int(nonzero(output, t, b)[0].count) { row[Int(list[e])] = 0 }
      var listed = 0
      for tile in 0..<layer.tiles {
        let own = memory.list(at, tile)
        for e in 0..<Int(memory.count(at, tile).count) {
          let i = tile * SparseWeights.tile + Int(own[e])
          list[listed] = UInt32(truncatingIfNeeded: i)
          row[i] = 1
          listed += 1
        }
      }
      nonzero(output, t, b)[0] = NonzeroCount(count: listed, unit: true)
      count(layer.step, b, 0, UInt64(listed))
      for target in layer.targets { countSynapses(target, plan.steps[target], output, t, b) }
    }
  }

  /// The counters that come in once a block.
  private func countPopulation(_ population: Population, _ b: Int) {
    for layer in population.layers {
      count(layer.step, b, 5, UInt64(blockSteps))
      for tile in 0..<layer.tiles {
        let i = b * population.tiles + layer.firstTile + tile
        count(layer.step, b, 4, populationChanges[i])
        populationChanges[i] = 0
      }
      for target in layer.targets { count(target, b, 5, UInt64(blockSteps)) }
    }
  }
}
