import ArcuateCore
import ArcuateKernels

extension NodeStep {
  /// Sums what arrives at a node, in the order of its rows.
  func gather(_ window: Window, _ arena: Arena) {
    guard let gather else { return }
    let target = arena.slots[gather]
    for t in window.steps {
      for b in window.streams {
        if target.isListOnly, permuteList(target, t, b, window.worker, arena) { continue }
        let sum = arena.row(target, t, b)
        if sources.isEmpty { sum.fill(0) }
        var n = 0
        if sumsTwoRows {
          Elementwise.add(
            source(0, t, b, arena), source(1, t, b, arena), into: sum, count: inputCount)
          n = 2
        }
        while n < sources.count {
          let from = source(n, t, b, arena)
          switch (sources[n].permutation, n) {
          case (nil, 0): sum.part(0, inputCount).copy(from: from.part(0, inputCount))
          case (let order?, 0): permute(from, by: order, into: sum, t, b, arena)
          case (nil, _): Elementwise.add(sum, from, into: sum, count: inputCount)
          case (let order?, _): Elementwise.addPermuted(from, by: order, into: sum)
          }
          n += 1
        }
        arena.listRow(target, t, b)
      }
    }
  }

  /// Puts the list of the only source in another order, if it is short and the row is all ones;
  /// returns whether it is.
  @inline(__always)
  private func permuteList(
    _ target: Slot, _ t: Int, _ b: Int, _ worker: Int, _ arena: Arena
  ) -> Bool {
    let source = sources[0]
    let slot = arena.slots[source.slot]
    let t = (source: t + (source.isDelayed ? -1 : 0), target: t)
    guard slot.listed else { return false }
    let found = arena.nonzero(slot, t.source, b)[0]
    guard found.unit != 0, Int(found.count) < slot.count / 4 else { return false }
    arena.nonzero(target, t.target, b)[0] = Elementwise.permute(
      list: arena.list(slot, t.source, b), count: Int(found.count), by: source.permutation!,
      masks: arena.temporaryMask(worker), into: arena.list(target, t.target, b))
    return true
  }

  /// Puts the row of the first source in another order; by its list where that is short and the sign
  /// of a zero, which is lost, changes nothing.
  private func permute(
    _ from: Row<Float>, by order: Permutation, into sum: Row<Float>, _ t: Int, _ b: Int,
    _ arena: Arena
  ) {
    let source = sources[0]
    let slot = arena.slots[source.slot]
    let t = t + (source.isDelayed ? -1 : 0)
    guard slot.listed, !zeroSignsCount, Int(arena.nonzero(slot, t, b)[0].count) < slot.count / 4
    else {
      arena.fillRow(slot, t, b)
      return Elementwise.permute(from, by: order, into: sum)
    }
    Elementwise.permute(
      from, list: arena.list(slot, t, b), nonzero: arena.nonzero(slot, t, b)[0], by: order,
      into: sum)
  }
}
