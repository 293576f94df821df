import ArcuateCore
import ArcuateKernels
import ArcuateModel
import ArcuateRuntime

/// Neurons over time: forward as the runtime steps them, recorded; backward through the recording.
///
/// The recording has one step more than the network, in front: rest, or what a sample begins with.
/// What is emitted a step late lies in the same memory, a step earlier.
final class NeuronNode: GradientNode {
  private let neuron: Neuron
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
  /// Steps since the last spike, for surrogates that ask.
  private let since: View<Float>?
  private var layer: NeuronLayer
  private let learnsFields: Bool
  private let initial: Parameter?
  /// Whether the kernels know all of this.
  private var isPlain: Bool { !learnsFields && !options.isSmooth && since == nil }

  /// Whether the way back needs what came in.
  var readsInput: Bool { !isPlain }

  override var parameters: [Parameter] { fields }

  /// Throws. `cannotCompile` for semantics that have no gradient here.
  init(
    _ name: String, _ input: Signal, shape: Shape, neuron: Neuron, semantics: NeuronSemantics,
    dt_s: Double, fields: [Parameter], options: GradientOptions
  ) throws {
    self.neuron = neuron
    self.semantics = semantics
    self.dt_s = dt_s
    self.fields = fields
    self.options = options
    self.steps = options.steps
    initial = fields.first { $0.name.hasSuffix(".v_initial") }
    learnsFields = fields.contains { $0.isTrained && !$0.name.hasSuffix(".v_initial") }
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
    membranes = try Signal.room((steps + 1) * batch, stride)
    spikes = try Signal.room(fires ? (steps + 1) * batch : 0, stride)
    currents = try Signal.room(neuron.kind.hasSynapse ? (steps + 1) * batch : 0, stride)
    carry = try Signal.room(batch, stride)
    currentCarry = try Signal.room(batch, stride)
    membraneGradient = try Signal.room(batch, stride)
    if case .spikeTime = surrogate {
      since = try Signal.room((steps + 1) * batch, stride)
    } else {
      since = nil
    }
    let late = fires && semantics.spikeTiming == .nextStep
    let first = late ? 0 : batch * stride
    let all = fires ? spikes : membranes
    let output = try Signal(
      name, shape, batch: batch, steps: steps, isSparse: fires,
      values: all.buffer.view(Float.self, start: first, count: steps * batch * stride))
    super.init(name, [input], output)
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

  override func begin(_ pass: Pass) throws {
    if learnsFields {
      layer = try current().layer(shape: output.shape, semantics: semantics, dt_s: dt_s)
    }
    // Nothing else is ever written to the step in front of the first.
    if let initial {
      for b in 0..<output.batch {
        let row = row(membranes, b)
        for n in 0..<output.width { row[n] = initial.values[initial.count == 1 ? 0 : n] }
      }
    }
    if let since { for b in 0..<output.batch { row(since, b).fill(1000) } }
    for view in [carry, currentCarry, membraneGradient] { view.row.fill(0) }
  }

  /// The neuron with its parameters as they are.
  private func current() -> Neuron {
    var copy = neuron
    for parameter in fields {
      let tensor = parameter.tensor()
      switch parameter.name.split(separator: ".").last {
      case "tau_syn": copy.tauSynapse = tensor
      case "tau", "tau_mem": copy.tauMembrane = tensor
      case "r": copy.resistance = tensor
      case "v_leak": copy.leak = tensor
      case "v_threshold": copy.threshold = tensor
      case "v_reset": copy.resetValue = tensor
      case "w_in": copy.inputWeight = tensor
      case "v_initial": copy.initial = tensor
      default: break
      }
    }
    return copy
  }

  override func forward(_ steps: Range<Int>, _ pass: Pass) throws {
    if isPlain {
      for t in steps {
        pass.pool.split(0..<output.batch) { part, _ in
          for b in part { layer.record(input: input.row(t, b), tape: tape(t, b)) }
        }
      }
      return
    }
    let twin = NeuronTapeReference(flags: flags, throughReset: options.throughReset)
    let coefficients = layer.coefficientList
    pass.pool.split(0..<output.batch) { part, _ in
      for t in steps {
        for b in part {
          let (x, rows) = (input.row(t, b), tape(t, b))
          for n in 0..<output.width {
            let now = twin.step(
              x[n], before: rows.before(n, flags), coefficients(n),
              fire: {
                options.isSmooth ? surrogate.antiderivative($0) ?? 0 : twin.fires($0)
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

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    let late = flags.contains(.spikeNextStep)
    let gradient = try output.gradient
    guard input.needsGradient || fields.contains(where: \.isTrained) else { return }
    let into = try input.gradient
    for t in steps.reversed() {
      try output.settle(t..<t + 1)
      // A spike that was seen a step later gets its gradient from there.
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
            (input.place(t) * input.batch + b) * input.stride, input.stride), adds: adds)
      }
      if isPlain {
        pass.pool.split(0..<output.batch) { part, _ in
          for b in part {
            layer.sweep(
              rows(b), tape: tape(t, b), surrogate: surrogate.shape,
              throughReset: options.throughReset)
          }
        }
      } else {
        sweepSlowly(t, adds, rows, pass)
      }
    }
  }

  private lazy var silence: View<Float> = try! Signal.room(1, output.stride)
  /// Gradients of the coefficients, for each neuron.
  private var sums: [NeuronTapeReference.Coefficients] = []

  private func sweepSlowly(
    _ t: Int, _ adds: Bool, _ rows: (Int) -> NeuronSweepRows, _ pass: Pass
  ) {
    let twin = NeuronTapeReference(flags: flags, throughReset: options.throughReset)
    let coefficients = layer.coefficientList
    let none = NeuronTapeReference.Coefficients(
      currentDecay: 0, currentGain: 0, decay: 0, gain: 0)
    if sums.isEmpty { sums = .init(repeating: none, count: output.width) }
    sums.withUnsafeMutableBufferPointer { all in
      // SAFETY: each part has neurons of its own.
      nonisolated(unsafe) let all = all
      pass.pool.split(0..<output.width) { part, _ in
        for b in 0..<output.batch {
          let (sweep, tape) = (rows(b), self.tape(t, b))
          let x = input.row(t, b)
          for n in part {
            let c = coefficients(n)
            let now = tape.now(n, flags)
            var carry = NeuronTapeReference.Carry(
              state: sweep.carry[n], current: sweep.currentCarry[n], membrane: sweep.membrane[n])
            let steps = since.map { row($0, t * output.batch + b)[n] } ?? 0
            let gradient = twin.sweep(
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

  override func accumulate(_ pass: Pass) throws {
    if let initial, initial.isTrained {
      // What was carried through the first step is the gradient of what it began with.
      for b in 0..<output.batch {
        for n in 0..<output.width {
          initial.gradient[initial.count == 1 ? 0 : n] += row(carry, b)[n]
        }
      }
    }
    guard learnsFields, !sums.isEmpty else { return }
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

  override func learned() -> Operator? { .neuron(current()) }
}

extension NeuronTapeRows {
  fileprivate func before(_ n: Int, _ flags: NeuronFlags) -> NeuronTapeReference.Moment {
    .init(
      membrane: membraneBefore[n], spike: flags.contains(.spikes) ? spikesBefore[n] : 0,
      current: flags.contains(.synapse) ? currentBefore[n] : 0)
  }

  fileprivate func now(_ n: Int, _ flags: NeuronFlags) -> NeuronTapeReference.Moment {
    .init(
      membrane: membrane[n], spike: flags.contains(.spikes) ? spikes[n] : 0,
      current: flags.contains(.synapse) ? current[n] : 0)
  }

  fileprivate func put(_ moment: NeuronTapeReference.Moment, _ n: Int, _ flags: NeuronFlags) {
    membrane[n] = moment.membrane
    if flags.contains(.spikes) { spikes[n] = moment.spike }
    if flags.contains(.synapse) { current[n] = moment.current }
  }
}

extension NeuronLayer {
  /// The coefficients of neuron n.
  fileprivate var coefficientList: (Int) -> NeuronTapeReference.Coefficients {
    let all = [currentDecay, currentGain, decay, gain, offset, threshold, resetValue].map(\.list)
    return { n in
      func at(_ k: Int) -> Float { all[k].count == 1 ? all[k][0] : all[k][n] }
      return .init(
        currentDecay: at(0), currentGain: at(1), decay: at(2), gain: at(3), offset: at(4),
        threshold: at(5), resetValue: at(6))
    }
  }
}

extension Neuron {
  /// How the coefficients change with one parameter, for each neuron or one for all.
  ///
  /// Numbers. Central differences in double precision: each coefficient is a smooth function of one
  /// number, so that ten digits are right.
  fileprivate func slopes(
    of field: String, count: Int, semantics s: NeuronSemantics, dt_s: Double
  ) throws -> [NeuronTapeReference.Coefficients] {
    let many = parameters.contains { $0.tensor.count > 1 } ? count : 1
    func values(_ tensor: Tensor?, _ fallback: Float) throws -> [Double] {
      try (tensor ?? Tensor(scalar: fallback)).broadcast(to: try Shape([many])).map(Double.init)
    }
    let r = try values(resistance, 1)
    let leak = try values(leak, 0)
    let tau = try values(tauMembrane, 1)
    let tauS = try values(tauSynapse, 1)
    let weight = try values(inputWeight, 1)
    return (0..<many).map { n in
      func at(_ step: Double) -> Recurrence {
        var c = Recurrence(count: 1)
        func moved(_ name: String, _ value: Double) -> Double {
          field == name ? value + step * max(abs(value), 1e-6) : value
        }
        c.set(
          0, kind: kind, semantics: s, dt_s: dt_s, resistance: moved("r", r[n]),
          leak: moved("v_leak", leak[n]),
          tau: moved(kind.hasSynapse ? "tau_mem" : "tau", tau[n]),
          tauSynapse: moved("tau_syn", tauS[n]), inputWeight: moved("w_in", weight[n]))
        return c
      }
      let size =
        switch field {
        case "r": abs(r[n])
        case "v_leak": abs(leak[n])
        case "tau_syn": tauS[n]
        case "w_in": abs(weight[n])
        default: tau[n]
        }
      let step = 1e-5
      let (low, high) = (at(-step), at(step))
      let distance = 2 * step * max(size, 1e-6)
      func slope(_ path: KeyPath<Recurrence, [Double]>) -> Float {
        Float((high[keyPath: path][0] - low[keyPath: path][0]) / distance)
      }
      return .init(
        currentDecay: slope(\.currentDecay), currentGain: slope(\.currentGain),
        decay: slope(\.decay), gain: slope(\.gain), offset: slope(\.offset))
    }
  }
}

extension Surrogate {
  /// As the kernels take it.
  var shape: SurrogateShape {
    switch self {
    case .box(let width, let height): SurrogateShape(kind: .box, a: width, b: height)
    case .triangle(let width, let height): SurrogateShape(kind: .triangle, a: width, b: height)
    case .fastSigmoid(let slope): SurrogateShape(kind: .fastSigmoid, a: slope)
    case .arctan(let slope): SurrogateShape(kind: .arctan, a: slope)
    case .spikeTime(let alpha, let beta): SurrogateShape(kind: .spikeTime, a: alpha, b: beta)
    }
  }
}
