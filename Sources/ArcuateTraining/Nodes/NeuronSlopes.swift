import ArcuateCore
import ArcuateKernels
import ArcuateModel
import ArcuateRuntime

extension NeuronTapeRows {
  func before(_ n: Int, _ flags: NeuronFlags) -> NeuronTapeReference.Moment {
    .init(
      membrane: membraneBefore[n], spike: flags.contains(.spikes) ? spikesBefore[n] : 0,
      current: flags.contains(.synapse) ? currentBefore[n] : 0)
  }

  func now(_ n: Int, _ flags: NeuronFlags) -> NeuronTapeReference.Moment {
    .init(
      membrane: membrane[n], spike: flags.contains(.spikes) ? spikes[n] : 0,
      current: flags.contains(.synapse) ? current[n] : 0)
  }

  func put(_ moment: NeuronTapeReference.Moment, _ n: Int, _ flags: NeuronFlags) {
    membrane[n] = moment.membrane
    if flags.contains(.spikes) { spikes[n] = moment.spike }
    if flags.contains(.synapse) { current[n] = moment.current }
  }
}

extension NeuronLayer {
  /// The coefficients of neuron n.
  var coefficientList: (Int) -> NeuronTapeReference.Coefficients {
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
  func slopes(
    of field: String, count: Int, semantics s: NeuronSemantics, dt_s: Double
  ) throws(ArcuateError) -> [NeuronTapeReference.Coefficients] {
    let many = parameters.contains { $0.tensor.count > 1 } ? count : 1
    func values(_ tensor: Tensor?, _ fallback: Float) throws(ArcuateError) -> [Double] {
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
