import ArcuateCore
import ArcuateKernels

/// The commonest cycle: neurons that see their own spikes of the step before through weights.
///
/// A step of it takes so little that looking its parts up at each step is measurable.
final class Recurrence: Sendable {
  let linearStep: NodeStep
  let linear: LinearNode
  let neuronStep: NodeStep
  let neurons: NeuronNode
  /// Whether the weights come first in a step.
  let multipliesFirst: Bool

  /// Of the steps of a cycle; nil if they are others.
  init?(_ steps: [NodeStep], _ slots: [Slot]) {
    guard steps.count == 2, let first = steps.first(where: { $0.node is LinearNode }),
      let second = steps.first(where: { $0.node is NeuronNode }),
      let linear = first.node as? LinearNode, let neurons = second.node as? NeuronNode
    else { return nil }
    guard first.gather == nil, !slots[first.output].listed, second.addsPair, neurons.spikes,
      neurons.pending == nil
    else { return nil }
    linearStep = first
    self.linear = linear
    neuronStep = second
    self.neurons = neurons
    multipliesFirst = first.index < second.index
  }

  /// Runs the steps of a window for one stream, as the nodes would one by one, and with the same bits.
  /// Needs. One thread, nothing that adapts or is recorded.
  func run(_ window: Window, _ arena: Arena) {
    let b = window.streams.lowerBound
    let (first, second, weights, layer) = (linearStep, neuronStep, linear.weights, neurons.layer)
    let input = arena.slots[first.inputSlot]
    let inputShift = first.inputShift
    let sums = arena.slots[first.output]
    let (one, two) = (arena.slots[second.sources[0].slot], arena.slots[second.sources[1].slot])
    let oneShift = second.sources[0].isDelayed ? -1 : 0
    let twoShift = second.sources[1].isDelayed ? -1 : 0
    let output = arena.slots[second.output]
    let limit = linear.limit
    let membrane = arena.stateRow(neurons.membrane, neurons.stride, b)
    let current = arena.stateRow(neurons.current, neurons.stride, b)
    let pending = arena.stateRow(neurons.pending, neurons.stride, b)
    var (updates, spikes): (UInt64, UInt64) = (0, 0)
    @inline(__always) func multiply(_ t: Int) {
      let found = arena.nonzero(input, t + inputShift, b)[0]
      guard found.count <= limit else { return linear.run(first, window.at(t, b), arena) }
      weights.applyEvents(
        input: arena.row(input, t + inputShift, b), list: arena.list(input, t + inputShift, b),
        nonzero: found, output: arena.row(sums, t, b), first: 0, count: weights.stride)
      first.countSynapses(input, t + inputShift, b, arena)
    }
    @inline(__always) func fire(_ t: Int) {
      let (changed, spiked) = layer.step(
        input: arena.row(one, t + oneShift, b), and: arena.row(two, t + twoShift, b),
        membrane: membrane, current: current, pending: pending,
        output: output.isListOnly ? nil : arena.row(output, t, b), list: arena.list(output, t, b))
      arena.nonzero(output, t, b)[0] = spiked
      updates &+= UInt64(arena.now(t, b) == 0 ? layer.count : changed)
      spikes &+= UInt64(spiked.count)
    }
    for t in window.steps {
      if multipliesFirst { multiply(t) }
      fire(t)
      if !multipliesFirst { multiply(t) }
    }
    arena.count(.neuronUpdates, second.index, b, updates)
    arena.count(.spikes, second.index, b, spikes)
    arena.count(.rows, first.index, b, UInt64(window.steps.count))
    arena.count(.rows, second.index, b, UInt64(window.steps.count))
  }
}
