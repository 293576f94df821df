import ArcuateCore
import ArcuateKernels

/// A cycle of spikes and delays, window by window, its tiles shared out among threads.
///
/// Threads wait for each other once a window. A worker owns tiles of neurons together with all sums
/// that lead to them; what it reads of others are the spikes of earlier windows. The sums and their
/// order are those of `SparseNode`, so that the bits are too.
extension Population {
  /// Runs the cycle over a window of the block; with one stream, on all threads.
  func run(_ window: Window, _ arena: Arena) {
    if let team = arena.team, arena.batch == 1, tiles > 1 {
      arena.sharedSteps = window.steps
      team.run(self)
    } else {
      for b in window.streams {
        runWindows(window.steps, b, worker: window.worker, share: 0, shares: 1, arena)
      }
    }
    for b in window.streams { countSteps(window.steps.count, b, arena) }
  }

  /// A worker's share of the tiles.
  func run(worker: Int, _ arena: Arena) {
    runWindows(
      arena.sharedSteps, 0, worker: worker, share: worker, shares: arena.size.threads, arena)
  }

  /// Runs the steps for the share of tiles `share` of `shares`.
  private func runWindows(
    _ steps: Range<Int>, _ b: Int, worker: Int, share: Int, shares: Int, _ arena: Arena
  ) {
    let own = tiles * share / shares..<tiles * (share + 1) / shares
    var start = steps.lowerBound
    while start < steps.upperBound {
      let range = start..<min(start + window, steps.upperBound)
      for layer in layers {
        for tile in 0..<layer.tiles where own.contains(layer.firstTile + tile) {
          runTile(layer, tile, range, b, worker, arena)
        }
      }
      if shares > 1 { arena.population.barrier.wait(shares) }
      for layer in layers { push(layer, own, range, b, arena) }
      if share == 0 {
        for layer in layers { show(layer, range, b, arena) }
      }
      start = range.upperBound
    }
  }

  /// All steps of a window for one tile of neurons: first what arrives at every step is summed up,
  /// then the neurons go through the steps, as many at a time as stay in the nearest cache.
  private func runTile(
    _ layer: Layer, _ tile: Int, _ range: Range<Int>, _ b: Int, _ worker: Int, _ arena: Arena
  ) {
    let (first, count) = SparseMemory.tile(tile, of: layer.neurons.count)
    let scratch = arena.population.rows.row.part(worker * scratchCount, scratchCount)
    for case .sparse(let index, let sums?) in layer.sources {
      let size = window * Population.largestTile
      let arrivals = sum(
        arena.sparse(index, b), tile, count, range, b,
        flat: arena.population.lists.row.part(worker * flatCount, flatCount),
        into: scratch.part(Population.sumsOffset + sums * size, size), arena)
      scratch[Population.arrivalsOffset + sums] = Float(bitPattern: arrivals)
    }
    for target in layer.targets {
      let target = arena.sparse(target.index, b)
      for t in range { forget(target, target.row(arena.now(t, b)), tile) }
    }
    let changes =
      switch layer.neurons {
      case .neurons(let node):
        runNeurons(node, layer, tile, first, count, range, b, scratch, arena)
      case .program(let node):
        runProgram(node, layer, tile, first, count, range, b, worker, scratch, arena)
      }
    let i = b * tiles + layer.firstTile + tile
    arena.population.changes[i] = arena.population.changes[i] &+ UInt64(changes)
  }

  /// Takes a tile of a kind of NIR through the steps of a window; returns how many membranes changed.
  private func runNeurons(
    _ node: NeuronNode, _ layer: Layer, _ tile: Int, _ first: Int, _ count: Int,
    _ range: Range<Int>, _ b: Int, _ scratch: Row<Float>, _ arena: Arena
  ) -> Int {
    let neurons = node.layer
    let rowSize = Population.largestTile
    let silence = scratch.part(Population.part, 16)
    let stride = arena.slots[layer.step.output].stride
    // What the loops need is taken out of objects before: retaining these, on several threads at
    // once, would take longer than the neurons do.
    let elapsed = arena.stepCounts[b]
    let usual = usualSources(layer, b, arena)
    let signals = arena.values.row
    let state = arena.state.row
    let batch = arena.batch
    let (membraneOffset, currentOffset) = (node.membrane, node.current)
    var changes = 0
    var start = 0
    while start < count {
      let width = min(Population.part, count - start)
      let padded = (width + 15) & ~15
      let part = neurons.tile(first: first + start, count: width)
      let membrane = state.part(membraneOffset + b * stride + first + start, padded)
      let current =
        currentOffset.map { state.part($0 + b * stride + first + start, padded) }
        ?? state.part(0, 0)
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
              Population.sumsOffset + (t - range.lowerBound) * rowSize + start, padded)
        } else {
          (before, last) = addSources(
            layer, tile, first, start, padded, t, range, b, scratch, arena)
        }
        let changed = emit(layer, tile, now, b, arena) { list in
          part.step(
            base: before, sum: last, membrane: membrane, current: current, list: list,
            position: start)
        }
        changes &+= now == 0 ? width : changed
      }
      start += width
    }
    return changes
  }

  /// Runs a step of some neurons of a tile, which list who spikes, and remembers it for all that their
  /// spikes go to; returns how many changed.
  @inline(__always)
  func emit(
    _ layer: Layer, _ tile: Int, _ now: UInt64, _ b: Int, _ arena: Arena,
    _ step: (_ list: Row<UInt32>) -> (changed: Int, spikes: Int)
  ) -> Int {
    let target = arena.sparse(layer.targets[0].index, b)
    let at = target.row(now)
    let listed = Int(target.count(at, tile).count)
    let all = target.list(at, tile)
    let list = all.part(listed, all.count - listed)
    let outcome = step(list)
    if outcome.spikes == 0 { return outcome.changed }
    remember(target, at, tile, list, outcome.spikes, listed + outcome.spikes)
    for other in layer.targets.dropFirst() {
      let other = arena.sparse(other.index, b)
      let at = other.row(now)
      let own = other.list(at, tile).part(listed, outcome.spikes)
      for e in 0..<outcome.spikes { own[e] = list[e] }
      remember(other, at, tile, own, outcome.spikes, listed + outcome.spikes)
    }
    return outcome.changed
  }

  /// Whether a layer's input is one node of connections and at most one row from outside, and which.
  private func usualSources(
    _ layer: Layer, _ b: Int, _ arena: Arena
  ) -> (memory: SparseMemory, hasSlot: Bool, slot: Slot)? {
    guard layer.sources.count <= 2,
      case .sparse(let index, _) = layer.sources[layer.sources.count - 1]
    else { return nil }
    if layer.sources.count == 1 { return (arena.sparse(index, b), false, Slot(count: 0)) }
    guard case .slot(let slot) = layer.sources[0] else { return nil }
    return (arena.sparse(index, b), true, arena.slots[slot])
  }

  /// Sums up what arrives at a part of a layer at one step, up to a last row that the kernel adds and
  /// clears.
  func addSources(
    _ layer: Layer, _ tile: Int, _ first: Int, _ start: Int, _ padded: Int, _ t: Int,
    _ range: Range<Int>, _ b: Int, _ scratch: Row<Float>, _ arena: Arena
  ) -> (before: Row<Float>, last: Row<Float>) {
    let now = arena.now(t, b)
    let rowSize = Population.largestTile
    let base = scratch.part(0, Population.part)
    let silence = scratch.part(Population.part, 16)
    var before = silence
    var last = silence
    var sums = Population.sumsOffset
    for k in layer.sources.indices {
      var isSum = false
      switch layer.sources[k] {
      case .slot(let slot): last = arena.row(arena.slots[slot], t, b).part(first + start, padded)
      case .sparse(let index, _):
        isSum = true
        let memory = arena.sparse(index, b)
        if memory.isRing {
          last = memory.sums(tile, at: now).part(start, padded)
        } else {
          last = scratch.part(sums + (t - range.lowerBound) * rowSize + start, padded)
          sums += window * rowSize
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
  /// before. Says at which steps of the window something arrives, as bits.
  private func sum(
    _ memory: SparseMemory, _ tile: Int, _ count: Int, _ range: Range<Int>, _ b: Int,
    flat: Row<UInt32>, into sums: Row<Float>, _ arena: Arena
  ) -> UInt32 {
    // One list for all steps, so that the kernel can look ahead.
    var known = 0
    for t in range {
      let row = memory.arrivals(arena.now(t, b))
      for from in 0..<memory.inputTiles {
        let list = memory.list(row, from)
        for e in 0..<Int(memory.count(row, from).count) {
          flat[known] = UInt32(truncatingIfNeeded: from * memory.inputTile) &+ list[e]
          known += 1
        }
      }
    }
    var at = 0
    var arrivals: UInt32 = 0
    for t in range {
      let row = memory.arrivals(arena.now(t, b))
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
      arrivals |= 1 << UInt32(truncatingIfNeeded: t - range.lowerBound)
    }
    return arrivals
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
  private func push(
    _ layer: Layer, _ own: Range<Int>, _ range: Range<Int>, _ b: Int, _ arena: Arena
  ) {
    for case .sparse(let index, _) in layer.sources {
      let memory = arena.sparse(index, b)
      guard memory.isRing else { continue }
      for tile in 0..<layer.tiles where own.contains(layer.firstTile + tile) {
        let sums = memory.sums(tile)
        for t in range {
          let now = arena.now(t, b)
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
  private func show(_ layer: Layer, _ range: Range<Int>, _ b: Int, _ arena: Arena) {
    let output = arena.slots[layer.step.output]
    let memory = arena.sparse(layer.targets[0].index, b)
    for t in range {
      let at = memory.row(arena.now(t, b))
      let row = arena.row(output, t, b)
      let list = arena.list(output, t, b)
      // A row always agrees with its list, so that only what was listed needs to be cleared.
      for e in 0..<Int(arena.nonzero(output, t, b)[0].count) { row[Int(list[e])] = 0 }
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
      arena.nonzero(output, t, b)[0] = NonzeroCount(count: listed, unit: true)
      arena.count(.spikes, layer.step.index, b, UInt64(listed))
      for target in layer.targets { target.countSynapses(output, t, b, arena) }
    }
  }

  /// The counters that come in once for all steps.
  private func countSteps(_ steps: Int, _ b: Int, _ arena: Arena) {
    let changes = arena.population.changes
    for layer in layers {
      arena.count(.rows, layer.step.index, b, UInt64(steps))
      for tile in 0..<layer.tiles {
        let i = b * tiles + layer.firstTile + tile
        arena.count(.neuronUpdates, layer.step.index, b, changes[i])
        changes[i] = 0
      }
      for target in layer.targets { arena.count(.rows, target.index, b, UInt64(steps)) }
    }
  }
}
