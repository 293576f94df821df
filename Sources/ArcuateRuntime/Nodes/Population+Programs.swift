import ArcuateCore
import ArcuateKernels

/// Tiles of neurons whose step is a program, within a cycle that runs in windows.
extension Population {
  /// Takes a tile of neurons with a program through the steps of a window; returns how many first
  /// states changed.
  func runProgram(
    _ node: ProgramNode, _ layer: Layer, _ tile: Int, _ first: Int, _ count: Int,
    _ range: Range<Int>, _ b: Int, _ worker: Int, _ scratch: Row<Float>, _ arena: Arena
  ) -> Int {
    let neurons = node.layer
    let state = node.state(b, arena)
    let own = arena.nodeScratch(worker)
    let isSeparate = layer.neurons.hasSeparateInputs
    let silence = scratch.part(Population.part, 16)
    let sum = scratch.part(3 * Population.part, Population.part)
    var changes = 0
    var start = 0
    while start < count {
      let width = min(Population.part, count - start)
      let padded = (width + 15) & ~15
      for t in range {
        let now = arena.now(t, b)
        var input = silence
        if !isSeparate {
          let (before, last) = addSources(
            layer, tile, first, start, padded, t, range, b, scratch, arena)
          // A row of sixteen elements is silence.
          if before.count < padded || before.pointer == silence.pointer {
            input = last
          } else {
            input = sum.part(0, padded)
            Elementwise.add(before, last, into: input, count: padded)
            last.fill(0)
          }
        }
        let random = node.random(layer.step, now, b, arena)
        let changed = emit(layer, tile, now, b, arena) { list in
          neurons.step(
            first + start..<first + start + width,
            inputs: { k in
              isSeparate
                ? source(layer, k, tile, first + start, start, padded, t, range, b, scratch, arena)
                : input
            }, state: state, scratch: own, list: list, position: start, random: random)
        }
        // What has arrived is used up.
        if isSeparate {
          for k in layer.sources.indices {
            guard case .sparse = layer.sources[k] else { continue }
            source(layer, k, tile, first + start, start, padded, t, range, b, scratch, arena).fill(0)
          }
        } else {
          input.fill(0)
        }
        changes &+= now == 0 ? width : changed
      }
      start += width
    }
    return changes
  }

  /// The row of source `k` for a part of a layer at one step.
  private func source(
    _ layer: Layer, _ k: Int, _ tile: Int, _ first: Int, _ start: Int, _ padded: Int, _ t: Int,
    _ range: Range<Int>, _ b: Int, _ scratch: Row<Float>, _ arena: Arena
  ) -> Row<Float> {
    switch layer.sources[k] {
    case .slot(let slot): return arena.row(arena.slots[slot], t, b).part(first, padded)
    case .sparse(let index):
      let memory = arena.sparse(index, b)
      if memory.isRing { return memory.sums(tile, at: arena.now(t, b)).part(start, padded) }
      var sums = 0
      for case .sparse(let other) in layer.sources[..<k] where !arena.sparse(other, b).isRing {
        sums += 1
      }
      return scratch.part(
        Population.sumsOffset
          + (sums * window + t - range.lowerBound) * Population.largestTile + start, padded)
    }
  }
}
