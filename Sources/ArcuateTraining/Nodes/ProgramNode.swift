import ArcuateCore
import ArcuateKernels
import ArcuateModel
import ArcuateRuntime

/// Neurons whose step is a program, over time: the states before each step are recorded, and the
/// backward step computes the rest again.
final class ProgramNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { program.spikes }
  let parameters: [Parameter]

  private let neuron: ProgramNeuron
  /// What runs: the neuron's program, or its smooth twin.
  private let program: NeuronProgram
  private let gradient: ProgramGradient
  private let options: GradientOptions
  /// How the model has these neurons.
  private let written: Operator
  private let dt_s: Double
  private let names: [String]
  private let stream: UInt32
  private let random: CounterRandom

  private var layer, backwardLayer: ProgramLayer
  private var initial: NeuronProgram.Numbers
  /// The states before each step and after the last: [steps + 1][batch][stateCount].
  private let tape: View<Float>
  private let stateCount: Int
  /// For each sample, what the backward step carries: [batch][backwardLayer.stateCount].
  private let carry: View<Float>
  private let carryCount: Int
  /// For each worker, scratch, and a row for the number of spikes.
  private let scratch: View<Float>
  private let scratchCount: Int
  private let lists: View<UInt32>

  static func make(
    from neuron: ProgramNeuron, writtenAs written: Operator, at site: NodeSite
  ) throws(ArcuateError) -> ProgramNode {
    guard !site.isInCycle || !neuron.program.isEarly else {
      throw site.unsupported("a program in a cycle that emits before it sees its input")
    }
    let inputs = neuron.program.inputs.count == 1 ? [try site.input()] : try site.inputs()
    var parameters: [Parameter] = []
    for name in neuron.program.parameterNames {
      guard let tensor = neuron.value(of: name) else { continue }
      parameters.append(
        try site.parameterTrainedByName(
          name, tensor, least: name.hasPrefix("tau") ? Float(site.dt_s) * 1e-3 : nil))
    }
    return try ProgramNode(site, inputs, neuron, written, parameters)
  }

  private init(
    _ site: NodeSite, _ inputs: [Signal], _ neuron: ProgramNeuron, _ written: Operator,
    _ parameters: [Parameter]
  ) throws(ArcuateError) {
    self.neuron = neuron
    self.written = written
    self.parameters = parameters
    options = site.options
    dt_s = site.dt_s
    stream = site.randomStream()
    random = CounterRandom(seed: neuron.seed)
    names = neuron.program.parameterNames
    let chosen = options.surrogates[site.name] ?? options.surrogate
    let derivative: NeuronProgram.Surrogate
    if let own = neuron.program.surrogate {
      derivative = own
    } else {
      derivative = try chosen.program()
    }
    program =
      options.isSmooth ? try SmoothProgram(neuron.program, chosen).smoothed() : neuron.program
    let trained = Set(
      neuron.program.parameterNames.indices.filter { parameters[$0].isTrained })
    let constants = program.code.constants
    let learned = constants.indices.filter {
      !constants[$0].expression.parameters.isDisjoint(with: trained)
    }
    gradient = try ProgramGradient(
      program, surrogate: derivative, learned: learned, throughReset: options.throughReset)
    let output = try site.output(isSparse: program.spikes)
    let layers = try ProgramNode.layers(
      program, gradient, ProgramNode.values(parameters, names), output.width, dt_s)
    (layer, backwardLayer, initial) = layers
    stateCount = (layer.stateCount + 15) & ~15
    carryCount = backwardLayer.stateCount
    let batch = options.batch
    tape = try Signal.storage((options.steps + 1) * batch, max(stateCount, 16))
    carry = try Signal.storage(batch, max(carryCount, 16))
    scratchCount =
      max(layer.scratchCount, backwardLayer.scratchCount) + layer.stride
    scratch = try Signal.storage(options.threads, scratchCount)
    lists = try AlignedBuffer(byteCount: options.threads * layer.stride * 4).view(
      start: 0, count: options.threads * layer.stride)
    ports = NodePorts(site.name, inputs, output)
  }

  private static func values(_ parameters: [Parameter], _ names: [String]) -> [String: [Float]] {
    Dictionary(uniqueKeysWithValues: zip(names, parameters.map { $0.read() }))
  }

  /// The forward and the backward step for values of the parameters, and the initial states.
  private static func layers(
    _ program: NeuronProgram, _ gradient: ProgramGradient, _ values: [String: [Float]],
    _ count: Int, _ dt_s: Double
  ) throws(ArcuateError) -> (ProgramLayer, ProgramLayer, NeuronProgram.Numbers) {
    let environments = program.environments(values, count: count, dt_s: dt_s)
    let numbers = try program.numbers(environments)
    let backward = ProgramLowering.Source(
      instructions: gradient.instructions,
      constants: try program.constants(gradient.constants, environments),
      inputs: gradient.inputCount,
      states: gradient.finals.map { _ in .number }, finals: gradient.finals, emission: nil)
    return (
      try ProgramLowering(.init(program, numbers.constants), count: count).layer(),
      try ProgramLowering(backward, count: count).layer(), numbers
    )
  }

  // MARK: Rows

  private func states(_ t: Int, _ b: Int) -> Row<Float> {
    tape.row.part((t * output.batch + b) * stateCount, stateCount)
  }

  private func scratch(_ worker: Int) -> Row<Float> {
    scratch.row.part(worker * scratchCount, scratchCount)
  }

  private func random(_ t: Int, _ b: Int, _ pass: Pass) -> LaneRandom {
    LaneRandom(
      key0: random.key0, key1: random.key1, stream: stream << 16 | UInt32(truncatingIfNeeded: b),
      step: pass.iteration << 24 | UInt64(t))
  }

  // MARK: Passes

  func begin(_ pass: Pass) throws(ArcuateError) {
    if parameters.contains(where: \.isTrained) {
      (layer, backwardLayer, initial) = try ProgramNode.layers(
        program, gradient, ProgramNode.values(parameters, names), output.width, dt_s)
    }
    for b in 0..<output.batch {
      let row = states(0, b)
      row.fill(0)
      for (k, bits) in initial.initial.enumerated() {
        for n in 0..<output.width {
          row[k * layer.stride + n] = Float(bitPattern: bits[bits.count == 1 ? 0 : n])
        }
      }
    }
    carry.row.fill(0)
  }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    for t in steps {
      try pass.pool.split(0..<output.batch) { part, worker in
        for b in part {
          let (before, after) = (states(t, b), states(t + 1, b))
          after.copy(from: before)
          let row = output.row(t, b)
          _ = layer.step(
            inputs: { inputs[$0].row(t, b) }, state: after, scratch: scratch(worker), output: row,
            list: lists.row.part(worker * layer.stride, layer.stride), random: random(t, b, pass))
        }
      }
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    let receives = inputs.contains(where: \.needsGradient)
    guard receives || parameters.contains(where: \.isTrained) else { return }
    let width = layer.stride
    let states = program.states.count
    for t in steps.reversed() {
      try output.settle(t..<t + 1)
      let emitted = try output.gradient.row
      var targets: [(index: Int, gradient: View<Float>, adds: Bool)] = []
      for (k, input) in inputs.enumerated() where input.needsGradient {
        targets.append((k, try input.gradient, input.adds(t)))
      }
      try pass.pool.split(0..<output.batch) { part, worker in
        for b in part {
          let own = carry.row.part(b * carryCount, carryCount)
          if options.detachesTime { own.part(0, states * width).fill(0) }
          let before = self.states(t, b)
          let spikes = scratch(worker).part(scratchCount - width, width)
          if layer.sizes.countsSpikes { spikes.fill(before[states * width]) }
          _ = backwardLayer.step(
            inputs: { k in
              if k < inputs.count { return inputs[k].row(t, b) }
              if k < inputs.count + states {
                return before.part((k - inputs.count) * width, width)
              }
              return k == inputs.count + states
                ? emitted.part((output.index(t) * output.batch + b) * output.stride, output.stride)
                : spikes
            }, state: own, scratch: scratch(worker), output: nil, list: lists.row.part(0, 0),
            random: random(t, b, pass))
          for (k, gradient, adds) in targets {
            let input = inputs[k]
            let row = gradient.row.part(
              (input.index(t) * input.batch + b) * input.stride, output.width)
            let from = own.part(
              (states + self.gradient.learned.count + k) * width, output.width)
            LearningLoops.put(from, into: row, adds: adds)
          }
        }
      }
    }
  }

  func accumulate(_ pass: Pass) throws(ArcuateError) {
    guard parameters.contains(where: \.isTrained) else { return }
    let environments = program.environments(
      ProgramNode.values(parameters, names), count: output.width, dt_s: dt_s)
    let states = program.states.count
    /// Adds the gradient of an expression, whose rows are those of state `k` of the backward step.
    func add(_ expression: ConstantExpression, _ k: Int) {
      for index in expression.parameters where parameters[index].isTrained {
        let parameter = parameters[index]
        let slopes = environments.map { Float(expression.dual($0, by: index).slope) }
        for b in 0..<output.batch {
          let row = carry.row.part(b * carryCount + k * layer.stride, output.width)
          for n in 0..<output.width {
            parameter.gradient[parameter.count == 1 ? 0 : n] +=
              row[n] * slopes[slopes.count == 1 ? 0 : n]
          }
        }
      }
    }
    for (n, k) in gradient.learned.enumerated() {
      add(program.code.constants[k].expression, states + n)
    }
    for (k, state) in program.states.enumerated() { add(state.initial, k) }
  }

  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }

  func trained() -> Operator? {
    guard parameters.contains(where: \.isTrained) else { return written }
    var copy = neuron
    for (name, parameter) in zip(names, parameters) where parameter.isTrained {
      copy.parameters[name] = parameter.tensor()
    }
    return .program(copy)
  }
}

extension ProgramNeuron {
  /// Neurons with the tapes of their kernel where the program is one of NIR's and learns nothing; else
  /// a program.
  /// `written` is how the model has them.
  func makeTrainingNode(
    at site: NodeSite, writtenAs written: Operator
  ) throws(ArcuateError) -> any NodeTraining {
    let names = program.parameterNames
    let isTrained = names.contains {
      site.options.trained.contains($0) || site.options.trained.contains("\(site.name).\($0)")
    }
    if program.surrogate == nil, !isTrained, let neuron = neuronWithSemantics(site.semantics) {
      return try NeuronNode.make(from: neuron, writtenAs: written, at: site)
    }
    return try ProgramNode.make(from: self, writtenAs: written, at: site)
  }
}

extension Surrogate {
  /// The derivative as a program.
  /// Throws. `cannotCompile` for one that depends on more than the membrane.
  func program() throws(ArcuateError) -> NeuronProgram.Surrogate {
    let text: String
    switch self {
    case .box(let width, let height): text = "abs(u) < \(width) ? \(height) : 0"
    case .triangle(let width, let height): text = "\(height) * max(0, 1 - abs(u) / \(width))"
    case .fastSigmoid(let slope): text = "1 / (1 + \(slope) * abs(u)) ** 2"
    case .arctan(let slope):
      text = "\(slope / 2) / (1 + (\(Float.pi / 2 * slope) * u) ** 2)"
    case .spikeTime:
      throw ArcuateError(
        .cannotCompile, "spike_time has no gradient here: a program does not know when it spiked")
    }
    return try NeuronProgram("surrogate(u) = \(text)\nvalue = x").surrogate!
  }
}
