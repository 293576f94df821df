import ArcuateCore
import ArcuateKernels

/// The commonest cycle: neurons that see their own spikes of the step before through weights.
///
/// What a step of it takes is little, so that finding its parts anew each time would show.
struct Recurrence: Sendable {
  let linear: Int
  let neurons: Int

  /// Of the steps of a cycle; nil if they are others.
  init?(_ steps: [Plan.Step], _ range: Range<Int>, _ slots: [Slot]) {
    guard range.count == 2, let linear = range.first(where: { steps[$0].role == .linear }),
      let neurons = range.first(where: { steps[$0].role == .neurons })
    else { return nil }
    let (first, second) = (steps[linear], steps[neurons])
    guard first.gather < 0, !slots[first.output].listed, second.addsWhileReading, second.updates,
      second.spikes, second.memory.pending < 0
    else { return nil }
    self.linear = linear
    self.neurons = neurons
  }
}

extension Session {
  /// Runs the steps of a block for one stream, as `run` would one by one, and with the same bits.
  /// Needs. One thread, nothing that learns or is probed.
  func runRecurrence(_ cycle: Recurrence, _ range: Range<Int>, _ b: Int, _ worker: Int) {
    let (first, second) = (plan.steps[cycle.linear], plan.steps[cycle.neurons])
    let (weights, layer) = (first.linear!, second.neurons!)
    let input = plan.slots[first.sources[0].slot]
    let inputShift = first.sources[0].delayed ? -1 : 0
    let sums = plan.slots[first.output]
    let (one, two) = (plan.slots[second.sources[0].slot], plan.slots[second.sources[1].slot])
    let oneShift = second.sources[0].delayed ? -1 : 0
    let twoShift = second.sources[1].delayed ? -1 : 0
    let output = plan.slots[second.output]
    let limit = Int32(Double(weights.inputs) * Session.denseFraction)
    let membrane = memoryRow(second.memory.membrane, output, b)
    let current = memoryRow(second.memory.current, output, b)
    let pending = memoryRow(second.memory.pending, output, b)
    var (updates, spikes): (UInt64, UInt64) = (0, 0)
    @inline(__always) func multiply(_ t: Int) {
      let found = nonzero(input, t + inputShift, b)[0]
      guard found.count <= limit else {
        return runLinear(
          cycle.linear, weights, input, inputShift, sums, t..<t + 1, b..<b + 1, worker)
      }
      weights.applyEvents(
        input: row(input, t + inputShift, b), list: list(input, t + inputShift, b), nonzero: found,
        output: row(sums, t, b), first: 0, count: weights.stride)
      countSynapses(cycle.linear, first, input, t + inputShift, b)
    }
    @inline(__always) func fire(_ t: Int) {
      let (changed, spiked) = layer.step(
        input: row(one, t + oneShift, b), and: row(two, t + twoShift, b), membrane: membrane,
        current: current, pending: pending, output: output.isBare ? nil : row(output, t, b),
        list: list(output, t, b))
      nonzero(output, t, b)[0] = spiked
      updates &+= UInt64(stepCounts[b] &+ UInt64(t) == 0 ? layer.count : changed)
      spikes &+= UInt64(spiked.count)
    }
    let multipliesFirst = cycle.linear < cycle.neurons
    for t in range {
      if multipliesFirst { multiply(t) }
      fire(t)
      if !multipliesFirst { multiply(t) }
    }
    count(cycle.neurons, b, 4, updates)
    count(cycle.neurons, b, 0, spikes)
    count(cycle.linear, b, 5, UInt64(range.count))
    count(cycle.neurons, b, 5, UInt64(range.count))
  }
}
