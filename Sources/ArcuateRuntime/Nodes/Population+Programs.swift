import ArcuateCore
import ArcuateKernels

/// Tiles of neurons whose step is a program, within a cycle that runs in windows.
extension Population {
  /// Takes a tile of neurons with a program through the steps of a window; returns how many
  /// membranes changed.
  func runProgram(
    _ node: ProgramNode, _ layer: Layer, _ tile: Int, _ first: Int, _ count: Int,
    _ range: Range<Int>, _ b: Int, _ worker: Int, _ scratch: Row<Float>, _ arena: Arena
  ) -> Int {
    let neurons = node.layer
    let state = node.state(b, arena)
    let own = arena.nodeScratch(worker)
    let isSeparate = layer.neurons.hasSeparateInputs
    let isSum = !isSeparate && layer.sources.count > 1
    let silence = scratch.part(Population.part, 16)
    let sum = scratch.part(3 * Population.part, Population.part)
    var changes = 0
    var start = 0
    while start < count {
      let width = min(Population.part, count - start)
      let padded = (width + 15) & ~15
      for t in range {
        let now = arena.now(t, b)
        var input = sum.part(0, padded)
        if isSum {
          let (before, last) = addSources(
            layer, tile, first, start, padded, t, range, b, scratch, arena)
          if before.pointer == silence.pointer {
            input.copy(from: last)
          } else {
            Elementwise.add(before, last, into: input, count: padded)
          }
          last.clear()
        } else if layer.sources.isEmpty {
          input = scratch.part(Population.zerosOffset, padded)
        }
        let random = node.random(layer.step, now, b, arena)
        let changed = emit(layer, tile, now, b, arena) { list in
          neurons.step(
            first + start..<first + start + width,
            inputs: { k in
              isSum || layer.sources.isEmpty
                ? input
                : source(layer.sources[k], tile, first, start, padded, t, range, b, scratch, arena)
                  .row
            }, state: state, scratch: own, list: list, position: start, random: random)
        }
        if !isSum {
          // What has arrived is used up.
          for source in layer.sources {
            let (row, isUsed) = self.source(
              source, tile, first, start, padded, t, range, b, scratch, arena)
            if isUsed { row.clear() }
          }
        }
        changes &+= now == 0 ? width : changed
      }
      start += width
    }
    return changes
  }

  /// The row of a source for a part of a layer at one step, and whether it is to be cleared when it was
  /// read.
  @inline(__always)
  private func source(
    _ source: Source, _ tile: Int, _ first: Int, _ start: Int, _ padded: Int, _ t: Int,
    _ range: Range<Int>, _ b: Int, _ scratch: Row<Float>, _ arena: Arena
  ) -> (row: Row<Float>, isUsed: Bool) {
    switch source {
    case .slot(let slot):
      return (arena.row(arena.slots[slot], t, b).part(first + start, padded), false)
    case .sparse(let index, nil):
      let sums = arena.sparse(index, b).sums(tile, at: arena.now(t, b))
      return (sums.part(start, padded), true)
    case .sparse(_, let sums?):
      let step = t - range.lowerBound
      let arrivals = scratch[Population.arrivalsOffset + sums].bitPattern
      guard arrivals >> UInt32(truncatingIfNeeded: step) & 1 != 0 else {
        return (scratch.part(Population.zerosOffset, padded), false)
      }
      let row = (sums * window + step) * Population.largestTile
      return (scratch.part(Population.sumsOffset + row + start, padded), true)
    }
  }
}
