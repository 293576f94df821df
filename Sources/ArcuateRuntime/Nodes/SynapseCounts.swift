import ArcuateCore
import ArcuateKernels

extension NodeStep {
  /// Counts the synaptic operations of one row of inputs.
  @inline(__always)
  func countSynapses(_ input: Slot, _ t: Int, _ b: Int, _ arena: Arena) {
    guard fanOut.isCounted else { return }
    if input.listed, let uniform = fanOut.uniform {
      // By far the most frequent.
      let found = arena.nonzero(input, t, b)[0]
      if found.unit != 0 {
        return count(uniform &* UInt64(found.count), accumulates: true, b, arena)
      }
    }
    countOthers(input, t, b, arena)
  }

  @inline(__always)
  private func count(_ operations: UInt64, accumulates: Bool, _ b: Int, _ arena: Arena) {
    let fields = arena.counters(index, b)
    @inline(__always) func add(_ field: CounterField, _ amount: UInt64) {
      fields[field.rawValue] = fields[field.rawValue] &+ amount
    }
    add(accumulates ? .acs : .macs, operations)
    add(.denseOperations, fanOut.dense)
    add(.weightBytes, operations &* weightBytes)
  }

  private func countOthers(_ input: Slot, _ t: Int, _ b: Int, _ arena: Arena) {
    var operations: UInt64 = 0
    var accumulates = true
    if input.listed {
      let found = arena.nonzero(input, t, b)[0]
      let indices = arena.list(input, t, b)
      if let uniform = fanOut.uniform {
        operations = uniform &* UInt64(found.count)
      } else {
        for e in 0..<Int(found.count) {
          operations &+= UInt64(fanOut.perInput[Int(indices[e])])
        }
      }
      accumulates =
        found.unit != 0
        || NodeStep.isTernary(arena.row(input, t, b), indices, Int(found.count))
    } else {
      let from = arena.row(input, t, b)
      for i in 0..<inputCount where from[i] != 0 {
        operations &+= UInt64(fanOut.perInput[i])
        accumulates = accumulates && (from[i] == 1 || from[i] == -1)
      }
    }
    count(operations, accumulates: accumulates, b, arena)
  }

  private static func isTernary(_ row: Row<Float>, _ list: Row<UInt32>, _ count: Int) -> Bool {
    for e in 0..<count where abs(row[Int(list[e])]) != 1 { return false }
    return true
  }
}
