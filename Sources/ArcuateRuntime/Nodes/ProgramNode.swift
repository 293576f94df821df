import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// A layer of neurons whose step is a program.
final class ProgramNode: AdaptiveNode {
  let layer: ProgramLayer
  /// What it emits, computed before the step's input is known; nil where that decides.
  private let earlyLayer: ProgramLayer?
  let program: NeuronProgram
  private let random: CounterRandom
  /// [batch][layer.stateCount]
  private let state: Int
  private let stateStride: Int
  /// The states after a reset of the stream: one number for all neurons, or one for each.
  private let initial: [View<Float>]
  /// The adaptive parameters, which follow the states.
  let adaptive: [Adaptive]
  let stateCount: Int
  let emission: Emission

  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = [.laneProgram]
  let isStateless = false
  let listUse: ListUse = []

  /// Throws. `invalidModel` for constants that are not finite; `cannotCompile`, `outOfMemory`.
  init(_ neuron: ProgramNeuron, _ packing: inout NodePacking) throws(ArcuateError) {
    program = neuron.program
    random = CounterRandom(seed: neuron.seed)
    let count = packing.shape.count
    let numbers = try program.numbers(
      neuron.values(packing), count: count, dt_s: packing.dt_s)
    var source = ProgramLowering.Source(program, numbers.constants)
    source.adaptive = program.adaptive.map(\.constant)
    layer = try ProgramLowering(source, count: count).layer()
    if packing.isCyclic, program.isEarly {
      var early = source
      early.finals = program.states.indices.map { .state($0) }
      earlyLayer = try ProgramLowering(early, count: count).layer()
    } else {
      earlyLayer = nil
    }
    stateStride = (layer.stateCount + 15) & ~15
    let taken = packing.state
    state = packing.takeState(stateStride * packing.batch)
    adaptive = try program.adaptive.map { [layer] parameter throws(ArcuateError) in
      try Adaptive(parameter, numbers, layer, &packing)
    }
    stateCount = packing.state - taken
    initial = try numbers.initial.map { bits throws(ArcuateError) in
      let view = try AlignedBuffer(byteCount: bits.count * 4).view(
        Float.self, start: 0, count: bits.count)
      for (n, bits) in bits.enumerated() { view[n] = Float(bitPattern: bits) }
      return view
    }
    let isSpike = if case .spike = program.emission { true } else { false }
    emission = Emission(
      isSpikes: program.spikes, isOnes: isSpike, isListed: program.spikes, isCounted: true,
      isEarly: earlyLayer != nil)
  }

  var byteCount: Int {
    layer.byteCount + initial.reduce(0) { $0 + $1.count * 4 }
      + adaptive.reduce(0) { $0 + $1.initial.count * 4 }
  }
  /// Beside the layer's, rows of inputs that are put in another order.
  var scratchCount: Int {
    max(layer.scratchCount, earlyLayer?.scratchCount ?? 0)
      + (inputUse == .separate ? program.inputs.count * layer.stride : 0)
  }
  var inputUse: InputUse { program.inputs.count == 1 ? .sum : .separate }
  var reason: String { "\(program.code.instructions.count) instructions" }

  func cost(inputs: Int, outputs: Int) -> Double {
    Double(outputs) / 16 * Double(2 + 2 * program.code.instructions.count)
  }

  func reset(_ stream: Int, _ arena: Arena) {
    let rows = state(stream, arena)
    rows.fill(0)
    for (k, view) in initial.enumerated() {
      let row = rows.part(k * layer.stride, layer.count)
      if view.count == 1 { row.fill(view[0]) } else { row.copy(from: view.row) }
    }
  }

  func emitEarly(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    guard let earlyLayer else { return }
    let output = arena.slots[step.output]
    for t in window.steps {
      for b in window.streams {
        let state = state(b, arena)
        let row = arena.row(output, t, b)
        let (_, found) = earlyLayer.step(
          inputs: { k in
            k < program.inputs.count
              ? row : adaptive[k - program.inputs.count].row(layer, arena)
          }, state: state, scratch: arena.nodeScratch(window.worker),
          output: row, list: emission.isListed ? arena.list(output, t, b) : arena.emptyList,
          random: random(step, arena.now(t, b), b, arena))
        if emission.isListed {
          arena.nonzero(output, t, b)[0] = found
        } else {
          arena.listRow(output, t, b)
        }
      }
    }
  }

  /// The membrane, and as the current a state named `i`.
  func recordable(_ quantity: NodeQuantity) -> StateRows? {
    let index =
      switch quantity {
      case .membrane: program.states.isEmpty ? nil : program.membrane
      case .current: program.states.firstIndex { $0.name == "i" }
      }
    guard let index, program.states[index].type == .number else { return nil }
    return rows(ofState: index)
  }

  private func rows(ofState index: Int) -> StateRows {
    StateRows(offset: state + index * layer.stride, stride: stateStride)
  }

  /// Where the rows of a state are; nil if there is none of this name, or if it is no number.
  func rows(ofState name: String) -> StateRows? {
    program.states.firstIndex { $0.name == name && $0.type == .number }.map(rows)
  }

  /// The states of a stream.
  @inline(__always)
  func state(_ stream: Int, _ arena: Arena) -> Row<Float> {
    arena.stateRow(state, stateStride, stream)
  }

  /// The random numbers of a step.
  @inline(__always)
  func random(_ step: NodeStep, _ now: UInt64, _ stream: Int, _ arena: Arena) -> LaneRandom {
    LaneRandom(
      key0: random.key0, key1: random.key1,
      stream: UInt32(truncatingIfNeeded: step.identity.node << 16 | stream),
      step: now | arena.resets(of: stream) << 32)
  }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let output = arena.slots[step.output]
    let isSeparate = inputUse == .separate
    let input = isSeparate ? output : arena.slots[step.inputSlot]
    let scratch = arena.nodeScratch(window.worker)
    let (layer, adaptive, inputCount) = (layer, adaptive, program.inputs.count)
    for b in window.streams {
      let state = state(b, arena)
      for t in window.steps {
        let isListOnly = output.isListOnly && emission.isOnes
        let when = arena.now(t, b)
        let (changed, found) = layer.step(
          inputs: { k in
            if k >= inputCount { return adaptive[k - inputCount].row(layer, arena) }
            guard isSeparate else { return arena.row(input, t + step.inputShift, b) }
            let row = step.source(k, t, b, arena)
            guard let order = step.sources[k].permutation else { return row }
            let ordered = scratch.part(layer.scratchCount + k * layer.stride, layer.stride)
            Elementwise.permute(row, by: order, into: ordered)
            return ordered
          },
          state: state, scratch: scratch, output: isListOnly ? nil : arena.row(output, t, b),
          list: emission.isListed ? arena.list(output, t, b) : arena.emptyList,
          random: random(step, when, b, arena))
        if emission.isListed {
          arena.nonzero(output, t, b)[0] = found
          arena.count(
            .neuronUpdates, step.index, b, UInt64(when == 0 ? layer.count : changed))
        }
      }
    }
  }
}
