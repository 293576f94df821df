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

  /// Runs the cycle over steps of the block for some streams; with one stream, on all threads.
  func runPopulation(
    _ population: Population, _ range: Range<Int>, _ streams: Range<Int>, worker: Int
  ) {
    if let workers, plan.options.batch == 1, population.tiles > 1 {
      job = .population(population, range)
      workers.run()
    } else {
      for b in streams { runWindows(population, range, b, worker: worker, share: 0, shares: 1) }
    }
    for b in streams { countPopulation(population, range.count, b) }
  }

  /// Runs the steps for the share of tiles `share` of `shares`.
  func runWindows(
    _ population: Population, _ steps: Range<Int>, _ b: Int, worker: Int, share: Int, shares: Int
  ) {
    let own =
      population.tiles * share / shares..<population.tiles * (share + 1) / shares
    var start = steps.lowerBound
    while start < steps.upperBound {
      let range = start..<min(start + population.window, steps.upperBound)
      for layer in population.layers {
        for tile in 0..<layer.tiles where own.contains(layer.firstTile + tile) {
          runTile(population, layer, tile, range, b, worker)
        }
      }
      if shares > 1 { barrier.wait(shares) }
      for layer in population.layers { push(layer, own, range, b) }
      if share == 0 {
        for layer in population.layers { show(layer, range, b) }
      }
      start = range.upperBound
    }
  }

  /// All steps of a window for one tile of neurons: first what arrives at every step is summed up,
  /// then the neurons go through the steps, as many at a time as stay in the nearest cache.
  private func runTile(
    _ population: Population, _ layer: Population.Layer, _ tile: Int, _ range: Range<Int>, _ b: Int,
    _ worker: Int
  ) {
    guard case .neuron(let neurons, let memory) = plan.steps[layer.step].operation else { return }
    let (first, count) = Session.tile(tile, of: neurons.count)
    let scratch = populationRows.row.part(
      worker * population.scratchCount, population.scratchCount)
    let rowSize = Population.largestTile
    let silence = scratch.part(Population.part, 16)
    var sums = 3 * Population.part
    for case .sparse(let index) in layer.sources where !sparse(index, b).isRing {
      sum(
        sparse(index, b), tile, count, range, b,
        flat: populationLists.row.part(
          worker * population.flatCount, population.flatCount),
        into: scratch.part(sums, population.window * rowSize))
      sums += population.window * rowSize
    }
    for target in layer.targets {
      let target = sparse(target, b)
      for t in range { forget(target, target.row(stepCounts[b] &+ UInt64(t)), tile) }
    }
    let stride = plan.slots[plan.steps[layer.step].output].stride
    // What the loops need is taken out of objects before: counting their owners, on several threads at
    // once, would take longer than the neurons do.
    let elapsed = stepCounts[b]
    let target = sparse(layer.targets[0], b)
    let usual = usualSources(layer, b)
    let signals = values.row
    let batch = plan.options.batch
    var changes = 0
    var start = 0
    while start < count {
      let width = min(Population.part, count - start)
      let padded = (width + 15) & ~15
      let part = neurons.tile(first: first + start, count: width)
      func memoryRow(_ offset: Int) -> Row<Float> {
        offset < 0
          ? state.row.part(0, 0)
          : state.row.part(offset + b * stride + first + start, padded)
      }
      let (membrane, current) = (memoryRow(memory.membrane), memoryRow(memory.current))
      for t in range {
        let now = elapsed &+ UInt64(t)
        let (before, last): (Row<Float>, Row<Float>)
        if let usual {
          let slot = usual.slot
          before =
            usual.hasSlot
            ? signals.part(
              slot.values + slot.row(step: t, stream: b, batch: batch) * slot.stride + first
                + start, padded) : silence
          last =
            usual.memory.isRing
            ? usual.memory.sums(tile, at: now).part(start, padded)
            : scratch.part(
              3 * Population.part + (t - range.lowerBound) * rowSize + start, padded)
        } else {
          (before, last) = addSources(
            population, layer, tile, first, start, padded, t, range, b, scratch)
        }
        let at = target.row(now)
        let listed = Int(target.count(at, tile).count)
        let all = target.list(at, tile)
        let list = all.part(listed, all.count - listed)
        let outcome = part.step(
          base: before, sum: last, membrane: membrane, current: current, list: list, place: start)
        changes &+= now == 0 ? width : outcome.changed
        if outcome.spikes == 0 { continue }
        remember(target, at, tile, list, outcome.spikes, listed + outcome.spikes)
        for other in layer.targets.dropFirst() {
          let other = sparse(other, b)
          let at = other.row(now)
          let own = other.list(at, tile).part(listed, outcome.spikes)
          for e in 0..<outcome.spikes { own[e] = list[e] }
          remember(other, at, tile, own, outcome.spikes, listed + outcome.spikes)
        }
      }
      start += width
    }
    let i = b * population.tiles + layer.firstTile + tile
    populationChanges[i] = populationChanges[i] &+ UInt64(changes)
  }

  /// Whether a layer's input is one node of connections and at most one row from outside, and which.
  private func usualSources(
    _ layer: Population.Layer, _ b: Int
  ) -> (memory: SparseMemory, hasSlot: Bool, slot: Slot)? {
    guard layer.sources.count <= 2, case .sparse(let index) = layer.sources[layer.sources.count - 1]
    else { return nil }
    if layer.sources.count == 1 { return (sparse(index, b), false, Slot(count: 0)) }
    guard case .slot(let slot) = layer.sources[0] else { return nil }
    return (sparse(index, b), true, plan.slots[slot])
  }

  /// Sums up what arrives at a part of a layer at one step, up to a last row that the kernel adds and
  /// clears.
  private func addSources(
    _ population: Population, _ layer: Population.Layer, _ tile: Int, _ first: Int, _ start: Int,
    _ padded: Int, _ t: Int, _ range: Range<Int>, _ b: Int, _ scratch: Row<Float>
  ) -> (before: Row<Float>, last: Row<Float>) {
    let now = stepCounts[b] &+ UInt64(t)
    let rowSize = Population.largestTile
    let base = scratch.part(0, Population.part)
    let silence = scratch.part(Population.part, 16)
    var before = silence
    var last = silence
    var sums = 3 * Population.part
    for k in layer.sources.indices {
      var isSum = false
      switch layer.sources[k] {
      case .slot(let slot): last = row(plan.slots[slot], t, b).part(first + start, padded)
      case .sparse(let index):
        isSum = true
        let memory = sparse(index, b)
        if memory.isRing {
          last = memory.sums(tile, at: now).part(start, padded)
        } else {
          last = scratch.part(sums + (t - range.lowerBound) * rowSize + start, padded)
          sums += population.window * rowSize
        }
      }
      // The last two rows are added by the kernel, which leaves zeros where connections add.
      if k + 1 == layer.sources.count {
        if !isSum {
          let own = scratch.part(2 * Population.part, padded)
          own.copy(from: last)
          last = own
        }
      } else if k == 0 && !isSum {
        before = last
      } else {
        let own = base.part(0, padded)
        if k == 0 {
          own.copy(from: last)
        } else {
          Elementwise.add(before, last, into: own, count: padded)
        }
        if isSum { last.fill(0) }
        before = own
      }
    }
    return (before, last)
  }

  /// Sums up what arrives in a tile at each step of a window: one row of sums a step, which are zero
  /// before.
  private func sum(
    _ memory: SparseMemory, _ tile: Int, _ count: Int, _ range: Range<Int>, _ b: Int,
    flat: Row<UInt32>, into sums: Row<Float>
  ) {
    // One list for all steps, so that the kernel can look ahead.
    var known = 0
    for t in range {
      let row = memory.arrivals(stepCounts[b] &+ UInt64(t))
      for from in 0..<memory.inputTiles {
        let list = memory.list(row, from)
        for e in 0..<Int(memory.count(row, from).count) {
          flat[known] = UInt32(truncatingIfNeeded: from * memory.inputTile) &+ list[e]
          known += 1
        }
      }
    }
    var at = 0
    for t in range {
      let row = memory.arrivals(stepCounts[b] &+ UInt64(t))
      var (arriving, isUnit) = (0, true)
      for from in 0..<memory.inputTiles {
        let found = memory.count(row, from)
        arriving += Int(found.count)
        isUnit = isUnit && found.unit != 0
      }
      if arriving == 0 { continue }
      memory.kernel.addRows(
        flat.part(at, known - at), count: arriving, known: known - at, first: 0,
        values: isUnit ? memory.state.part(0, 0) : memory.values(row), tile: tile,
        sum: sums.part((t - range.lowerBound) * Population.largestTile, count))
      at += arriving
    }
  }

  /// Takes the spikes of the row's last use out of the state.
  @inline(__always)
  private func forget(_ memory: SparseMemory, _ row: Int, _ tile: Int) {
    let count = Int(memory.count(row, tile).count)
    memory.setCount(row, tile, NonzeroCount(count: 0, unit: true))
    guard !memory.isRing, count > 0 else { return }
    let (values, list) = (memory.values(row), memory.list(row, tile))
    for e in 0..<count { values[tile * memory.inputTile + Int(list[e])] = 0 }
  }

  /// Puts the listed spikes into the state, which then has `all` in the tile.
  @inline(__always)
  private func remember(
    _ memory: SparseMemory, _ row: Int, _ tile: Int, _ list: Row<UInt32>, _ count: Int,
    _ all: Int
  ) {
    memory.setCount(row, tile, NonzeroCount(count: all, unit: true))
    guard !memory.isRing, count > 0 else { return }
    let values = memory.values(row)
    for e in 0..<count { values[tile * memory.inputTile + Int(list[e])] = 1 }
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
              memory.list(row, from), count: count, known: count, first: from * memory.inputTile,
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
          let i = tile * memory.inputTile + Int(own[e])
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

  /// The counters that come in once for all steps.
  private func countPopulation(_ population: Population, _ steps: Int, _ b: Int) {
    for layer in population.layers {
      count(layer.step, b, 5, UInt64(steps))
      for tile in 0..<layer.tiles {
        let i = b * population.tiles + layer.firstTile + tile
        count(layer.step, b, 4, populationChanges[i])
        populationChanges[i] = 0
      }
      for target in layer.targets { count(target, b, 5, UInt64(steps)) }
    }
  }
}
