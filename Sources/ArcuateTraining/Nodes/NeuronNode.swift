import ArcuateCore
import ArcuateKernels
import ArcuateModel
import ArcuateRuntime

/// Neurons over time: stepped forward as the runtime does, recorded, and swept backward through the
/// recording.
///
/// The recording begins with one step more than the network has: rest, or the initial membrane.
/// Spikes emitted a step late are the same memory, seen from a step earlier.
final class NeuronNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { isPlain }
  var makesSpikes: Bool { true }
  private let neuron: Neuron
  /// How the model has these neurons, if not as such.
  private let written: Operator?
  private let semantics: NeuronSemantics
  private let dt_s: Double
  private let flags: NeuronFlags
  private let surrogate: Surrogate
  private let options: GradientOptions
  private let fields: [Parameter]
  private let steps: Int
  private let membranes: View<Float>
  private let spikes: View<Float>
  private let currents: View<Float>
  private let carry, currentCarry, membraneGradient: View<Float>
  /// Steps since the last spike, for surrogates that need them.
  private let since: View<Float>?
  private var layer: NeuronLayer
  private let trainsFields: Bool
  private let initial: Parameter?
  /// Whether the kernels support the node; otherwise the reference loops run.
  private var isPlain: Bool { !trainsFields && !options.isSmooth && since == nil }

  var parameters: [Parameter] { fields }

  /// Throws. `cannotCompile` for semantics that have no gradient here.
  static func make(
    from neuron: Neuron, writtenAs written: Operator? = nil, at site: NodeSite
  ) throws(ArcuateError) -> NeuronNode {
    let input = try site.input()
    let semantics = neuron.semantics ?? site.semantics
    guard semantics.feedbackStart == .zero || !site.hasCycles else {
      throw site.unsupported("feedback that answers to silence (feedback_start response)")
    }
    let fields = try neuron.parameters.map { field, tensor throws(ArcuateError) in
      try site.parameterTrainedByName(
        field, tensor, least: field.hasPrefix("tau") ? Float(site.dt_s) * 1e-3 : nil)
    }
    return try NeuronNode(site, input, neuron, written, semantics, fields)
  }

  private init(
    _ site: NodeSite, _ input: Signal, _ neuron: Neuron, _ written: Operator?,
    _ semantics: NeuronSemantics, _ fields: [Parameter]
  ) throws(ArcuateError) {
    let (name, shape) = (site.name, site.shape)
    self.neuron = neuron
    self.written = written
    self.semantics = semantics
    self.fields = fields
    dt_s = site.dt_s
    options = site.options
    steps = site.options.steps
    initial = fields.first { $0.name.hasSuffix(".v_initial") }
    trainsFields = fields.contains { $0.isTrained && !$0.name.hasSuffix(".v_initial") }
    surrogate = options.surrogates[name] ?? options.surrogate
    flags = neuron.flags(semantics)
    for (flag, text) in [
      (NeuronFlags.residual, "reset_timing same_step_residual"), (.multiSpike, "multi_spike"),
      (.clampsBelow, "clamps_below"),
    ] where flags.contains(flag) {
      throw ArcuateError(
        .cannotCompile,
        "\(text) has no gradient here: use same_step or next_step resets and one "
          + "spike a step", at: "node \"\(name)\"")
    }
    layer = try neuron.layer(shape: shape, semantics: semantics, dt_s: dt_s)
    let batch = options.batch
    let stride = Parameter.distance(shape.count)
    let fires = neuron.kind.spikes
    membranes = try Signal.storage((steps + 1) * batch, stride)
    spikes = try Signal.storage(fires ? (steps + 1) * batch : 0, stride)
    currents = try Signal.storage(neuron.kind.hasSynapse ? (steps + 1) * batch : 0, stride)
    carry = try Signal.storage(batch, stride)
    currentCarry = try Signal.storage(batch, stride)
    membraneGradient = try Signal.storage(batch, stride)
    if case .spikeTime = surrogate {
      since = try Signal.storage((steps + 1) * batch, stride)
    } else {
      since = nil
    }
    let late = fires && semantics.spikeTiming == .nextStep
    let first = late ? 0 : batch * stride
    let all = fires ? spikes : membranes
    let output = try Signal(
      name, shape, batch: batch, steps: steps, isSparse: fires,
      values: all.buffer.view(Float.self, start: first, count: steps * batch * stride))
    silence = try Signal.storage(1, output.stride)
    ports = NodePorts(name, [input], output)
  }

  private func row(_ view: View<Float>, _ r: Int) -> Row<Float> {
    view.count > output.stride || r == 0
      ? view.row.part(r * output.stride, output.stride) : view.row.part(0, output.stride)
  }

  /// The recording of sample `b` at step `t`.
  private func tape(_ t: Int, _ b: Int) -> NeuronTapeRows {
    let (before, now) = (t * output.batch + b, (t + 1) * output.batch + b)
    return NeuronTapeRows(
      membraneBefore: row(membranes, before), spikesBefore: row(spikes, before),
      currentBefore: row(currents, before), membrane: row(membranes, now),
      spikes: row(spikes, now), current: row(currents, now))
  }

  func begin(_ pass: Pass) throws(ArcuateError) {
    if trainsFields {
      layer = try current().layer(shape: output.shape, semantics: semantics, dt_s: dt_s)
    }
    // Nothing else is written to the step before the first.
    if let initial {
      for b in 0..<output.batch {
        let row = row(membranes, b)
        for n in 0..<output.width { row[n] = initial.values[initial.count == 1 ? 0 : n] }
      }
    }
    if let since { for b in 0..<output.batch { row(since, b).fill(1000) } }
    for view in [carry, currentCarry, membraneGradient] { view.row.fill(0) }
  }

  /// The neuron with its current parameters.
  private func current() -> Neuron {
    var copy = neuron
    for parameter in fields {
      copy.set(String(parameter.name.split(separator: ".").last!), parameter.tensor())
    }
    return copy
  }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    if isPlain {
      for t in steps {
        try pass.pool.split(0..<output.batch) { part, _ in
          for b in part { layer.record(input: input.row(t, b), tape: tape(t, b)) }
        }
      }
      return
    }
    let reference = NeuronTapeReference(flags: flags, throughReset: options.throughReset)
    let coefficients = layer.coefficientList
    try pass.pool.split(0..<output.batch) { part, _ in
      for t in steps {
        for b in part {
          let (x, rows) = (input.row(t, b), tape(t, b))
          for n in 0..<output.width {
            let now = reference.step(
              x[n], before: rows.before(n, flags), coefficients(n),
              fire: {
                options.isSmooth ? surrogate.antiderivative($0) ?? 0 : reference.fires($0)
              })
            rows.put(now, n, flags)
            if let since {
              row(since, (t + 1) * output.batch + b)[n] =
                now.spike > 0 ? 0 : row(since, t * output.batch + b)[n] + 1
            }
          }
        }
      }
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    let late = flags.contains(.spikeNextStep)
    let gradient = try output.gradient
    guard input.needsGradient || fields.contains(where: \.isTrained) else { return }
    let into = try input.gradient
    for t in steps.reversed() {
      try output.settle(t..<t + 1)
      // The gradient of a spike that was emitted a step late comes from that step.
      let from = late ? t + 1 : t
      let isSeen = from < self.steps
      if isSeen { try output.settle(from..<from + 1) }
      if options.detachesTime {
        for view in [carry, currentCarry, membraneGradient] { view.row.fill(0) }
      }
      let adds = input.adds(t)
      let emitted: (Int) -> Row<Float> = { b in
        isSeen
          ? gradient.row.part(
            (from * self.output.batch + b) * self.output.stride, self.output.stride)
          : self.silence.row
      }
      func rows(_ b: Int) -> NeuronSweepRows {
        NeuronSweepRows(
          emitted: emitted(b), carry: row(carry, b), currentCarry: row(currentCarry, b),
          membrane: row(membraneGradient, b),
          input: into.row.part(
            (input.index(t) * input.batch + b) * input.stride, input.stride), adds: adds)
      }
      if isPlain {
        try pass.pool.split(0..<output.batch) { part, _ in
          for b in part {
            layer.sweep(
              rows(b), tape: tape(t, b), surrogate: surrogate.shape,
              throughReset: options.throughReset)
          }
        }
      } else {
        try sweepSlowly(t, adds, rows, pass)
      }
    }
  }

  private let silence: View<Float>
  /// Gradients of the coefficients, for each neuron.
  private var sums: [NeuronTapeReference.Coefficients] = []

  private func sweepSlowly(
    _ t: Int, _ adds: Bool, _ rows: (Int) -> NeuronSweepRows, _ pass: Pass
  ) throws(ArcuateError) {
    let reference = NeuronTapeReference(flags: flags, throughReset: options.throughReset)
    let coefficients = layer.coefficientList
    let none = NeuronTapeReference.Coefficients(
      currentDecay: 0, currentGain: 0, decay: 0, gain: 0)
    if sums.isEmpty { sums = .init(repeating: none, count: output.width) }
    try sums.withUnsafeMutableBufferPointer { all throws(ArcuateError) in
      // SAFETY: each part has neurons of its own.
      nonisolated(unsafe) let all = all
      try pass.pool.split(0..<output.width) { part, _ in
        for b in 0..<output.batch {
          let (sweep, tape) = (rows(b), self.tape(t, b))
          let x = input.row(t, b)
          for n in part {
            let c = coefficients(n)
            let now = tape.now(n, flags)
            var carry = NeuronTapeReference.Carry(
              state: sweep.carry[n], current: sweep.currentCarry[n], membrane: sweep.membrane[n])
            let steps = since.map { row($0, t * output.batch + b)[n] } ?? 0
            let gradient = reference.sweep(
              emitted: sweep.emitted[n], input: x[n], now: now, before: tape.before(n, flags), c,
              slope: surrogate.derivative(now.membrane - c.threshold, since: steps), carry: &carry,
              sums: &all[n])
            sweep.carry[n] = carry.state
            sweep.currentCarry[n] = carry.current
            sweep.membrane[n] = carry.membrane
            sweep.input[n] = adds ? sweep.input[n] + gradient : gradient
          }
        }
      }
    }
  }

  func accumulate(_ pass: Pass) throws(ArcuateError) {
    if let initial, initial.isTrained {
      // What is carried through the first step is the gradient of the initial membrane.
      for b in 0..<output.batch {
        for n in 0..<output.width {
          initial.gradient[initial.count == 1 ? 0 : n] += row(carry, b)[n]
        }
      }
    }
    guard trainsFields, !sums.isEmpty else { return }
    let now = current()
    for parameter in fields where parameter.isTrained && parameter !== initial {
      let field = String(parameter.name.split(separator: ".").last!)
      let slopes = try now.slopes(
        of: field, count: output.width, semantics: semantics, dt_s: dt_s)
      for n in 0..<output.width {
        let (s, d) = (sums[n], slopes[slopes.count == 1 ? 0 : n])
        let gradient =
          switch field {
          case "v_threshold": s.threshold
          case "v_reset": s.resetValue
          default:
            s.decay * d.decay + s.gain * d.gain + s.offset * d.offset
              + s.currentDecay * d.currentDecay + s.currentGain * d.currentGain
          }
        parameter.gradient[parameter.count == 1 ? 0 : n] += gradient
      }
    }
    sums = []
  }

  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }

  func trained() -> Operator? { written ?? .neuron(current()) }
}
