import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// A layer of neurons: membranes, and currents or decided spikes where the kind has them.
final class NeuronNode: NodeRun {
  let layer: NeuronLayer
  /// Offsets in the state, [batch][stride] each.
  let membrane: Int
  let current: Int?
  let pending: Int?
  let stride: Int
  let stateCount: Int
  let scratchCount = 0
  /// The membranes at rest, where they are not zero.
  let initial: View<Float>?
  /// Whether the neurons spike; others emit their membranes.
  let spikes: Bool
  let reason: String
  let emission: Emission

  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = [.neuronStep]
  let isStateless = false
  let inputUse = InputUse.sumOrPair
  let listUse: ListUse = []

  /// Throws. `outOfMemory`.
  convenience init(_ neuron: Neuron, _ packing: inout NodePacking) throws(ArcuateError) {
    var neuron = neuron
    let semantics = neuron.semantics ?? packing.common.semantics
    neuron.reorder(packing.ordered)
    let reason =
      neuron.kind.spikes
      ? "reset \(semantics.reset.rawValue), v \(semantics.comparison.rawValue) threshold, "
        + semantics.integrator.rawValue
      : semantics.integrator.rawValue
    try self.init(
      neuron.layer(shape: packing.shape, semantics: semantics, dt_s: packing.dt_s),
      initial: neuron.initial?.broadcast(to: Shape([packing.shape.count])), reason: reason, &packing
    )
  }

  /// `initial` are the membranes at rest, in the order of the node's rows.
  /// Throws. `outOfMemory`.
  init(
    _ layer: NeuronLayer, initial start: [Float]?, reason: String, _ packing: inout NodePacking
  ) throws(ArcuateError) {
    self.layer = layer
    self.reason = reason
    let rows = packing.rows
    let before = packing.state
    membrane = packing.takeState(rows)
    current = layer.flags.contains(.synapse) ? packing.takeState(rows) : nil
    pending = layer.flags.contains(.spikeNextStep) ? packing.takeState(rows) : nil
    stateCount = packing.state - before
    stride = packing.stride
    if let start, start.contains(where: { $0 != 0 }) {
      initial = try View.packed(start)
    } else {
      initial = nil
    }
    spikes = layer.flags.contains(.spikes)
    emission = Emission(
      isSpikes: spikes, isOnes: spikes && !layer.flags.contains(.multiSpike), isListed: spikes,
      isCounted: true, isEarly: pending != nil)
  }

  var byteCount: Int { layer.byteCount }

  func cost(inputs: Int, outputs: Int) -> Double { Double(outputs) / 16 * 7 }

  func reset(_ stream: Int, _ arena: Arena) {
    arena.clear(membrane, stride, stream)
    if let initial { arena.stateRow(membrane, stride, stream).copy(from: initial.row) }
    arena.clear(current, stride, stream)
    arena.clear(pending, stride, stream)
  }

  func recordable(_ quantity: NodeQuantity) -> StateRows? {
    switch quantity {
    case .membrane: StateRows(offset: membrane, stride: stride)
    case .current: current.map { StateRows(offset: $0, stride: stride) }
    }
  }

  /// Neurons whose spikes are seen a step later show them before anything runs.
  func emitEarly(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    guard pending != nil else { return }
    let output = arena.slots[step.output]
    for t in window.steps {
      for b in window.streams {
        arena.row(output, t, b).copy(from: arena.stateRow(pending, stride, b))
        arena.listRow(output, t, b)
      }
    }
  }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    let shift = step.inputShift
    let second = step.addsPair ? arena.slots[step.sources[1].slot] : input
    let secondShift = step.addsPair && step.sources[1].isDelayed ? -1 : 0
    for b in window.streams {
      let membrane = arena.stateRow(membrane, stride, b)
      let current = arena.stateRow(current, stride, b)
      let pending = arena.stateRow(pending, stride, b)
      for t in window.steps {
        let (changed, spiked) = layer.step(
          input: arena.row(input, t + shift, b),
          and: step.addsPair ? arena.row(second, t + secondShift, b) : nil, membrane: membrane,
          current: current, pending: pending,
          output: output.isListOnly ? nil : arena.row(output, t, b),
          list: spikes ? arena.list(output, t, b) : arena.emptyList)
        if spikes {
          arena.nonzero(output, t, b)[0] = spiked
          let isFirst = arena.now(t, b) == 0
          arena.count(.neuronUpdates, step.index, b, UInt64(isFirst ? layer.count : changed))
        }
      }
    }
  }
}

/// Integrators that neither leak nor scale, together with the convolution before them, whose sums are
/// made in the membranes: nothing is cleared, written and read again.
///
/// Numbers. With fast numerics only, since sums are made in another order.
final class InPlaceNeuronNode: NodeRun {
  let neurons: NeuronNode
  let convolution: ConvolutionNode
  let convolutionStep: NodeStep

  let isStateless = false
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let inputUse = InputUse.sumOrPair
  let listUse: ListUse = []

  /// Nil unless the steps can run so.
  init?(_ first: NodeStep, _ second: NodeStep) {
    guard let convolution = first.node as? ConvolutionNode, convolution.weights.isUnbiased,
      let neurons = second.node as? NeuronNode, neurons.layer.addsInPlace, second.gather == nil
    else { return nil }
    self.neurons = neurons
    self.convolution = convolution
    convolutionStep = first
  }

  var stateCount: Int { neurons.stateCount }
  var scratchCount: Int { neurons.scratchCount }
  var byteCount: Int { neurons.byteCount }
  var weightByteCount: Int { neurons.weightByteCount }
  var kernels: [Kernel] { neurons.kernels }
  var reason: String { neurons.reason }
  var emission: Emission { neurons.emission }

  func cost(inputs: Int, outputs: Int) -> Double {
    neurons.cost(inputs: inputs, outputs: outputs)
  }
  func reset(_ stream: Int, _ arena: Arena) { neurons.reset(stream, arena) }
  func recordable(_ quantity: NodeQuantity) -> StateRows? { neurons.recordable(quantity) }
  func emitEarly(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    neurons.emitEarly(step, window, arena)
  }

  /// Step by step, since what arrives in a step goes to the membranes at once.
  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    if arena.isRecorded { return neurons.run(step, window, arena) }
    let (weights, layer) = (convolution.weights, neurons.layer)
    let (input, output) = (arena.slots[convolutionStep.inputSlot], arena.slots[step.output])
    let shift = convolutionStep.inputShift
    for b in window.streams {
      let membrane = arena.stateRow(neurons.membrane, neurons.stride, b)
      for t in window.steps {
        let found = arena.nonzero(input, t + shift, b)[0]
        guard !weights.prefersWindows(found) else {
          convolution.runRows(convolutionStep, window.at(t, b), arena)
          neurons.run(step, window.at(t, b), arena)
          continue
        }
        weights.addEvents(
          input: arena.row(input, t + shift, b), list: arena.list(input, t + shift, b),
          nonzero: found, to: membrane)
        convolutionStep.countSynapses(input, t + shift, b, arena)
        arena.nonzero(output, t, b)[0] = layer.fire(
          membrane: membrane, output: output.isListOnly ? nil : arena.row(output, t, b),
          list: arena.list(output, t, b))
        arena.count(.neuronUpdates, step.index, b, UInt64(layer.count))
      }
    }
  }
}

extension Neuron {
  /// Puts every parameter with more than one element in another order.
  fileprivate mutating func reorder(_ order: ([Float]) -> [Float]) {
    func reordered(_ tensor: Tensor?) -> Tensor? {
      guard let tensor, tensor.count > 1 else { return tensor }
      return Tensor(vector: order(tensor.floats))
    }
    tauSynapse = reordered(tauSynapse)
    tauMembrane = reordered(tauMembrane)
    resistance = reordered(resistance)!
    leak = reordered(leak)
    threshold = reordered(threshold)
    resetValue = reordered(resetValue)
    inputWeight = reordered(inputWeight)
    initial = reordered(initial)
  }
}
