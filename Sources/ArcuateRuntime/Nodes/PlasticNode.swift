import ArcuateCore
import ArcuateKernels
import ArcuateModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A node of a network that learns, packed for running. Offsets are in floats of the state.
enum PackedPlastic: Sendable {
  case linear(PackedPlasticLinear)
  case cell(PackedCell)
  /// Two rows a stream.
  case trace(TraceNumbers, state: Int)
  case winners(Int)

  var byteCount: Int {
    switch self {
    case .linear(let linear): (linear.initial.count + (linear.alpha?.count ?? 0)) * 4
    case .cell(let cell): cell.layer.byteCount + cell.initialTheta.count * 4
    case .trace, .winners: 0
    }
  }
}

/// Weights that a session changes, of a matrix or of the kernels of a convolution, which are a matrix
/// for what one output sees, [inputs of the window][channels]. A class, so that handing it about counts no owners of its parts.
final class PackedPlasticLinear: Sendable {
  let inputs: Int
  let outputs: Int
  let stride: Int
  /// What a new session starts from: [inputs + 1][stride], the bias last.
  let initial: View<Float>
  /// [inputs][stride], where the rule changes what it multiplies.
  let alpha: View<Float>?
  /// [inputs + 1][stride], of all streams.
  let weights: Int
  /// [batch][inputs][stride]; -1 without alpha.
  let fast: Int
  /// Where windows lie, of a convolution.
  let geometry: ConvolutionGeometry?

  init(
    _ linear: PlasticLinear, weights: Int, fast: Int, geometry: ConvolutionGeometry? = nil
  ) throws {
    inputs = linear.pre
    outputs = linear.post
    stride = (linear.post + 15) & ~15
    let (inputs, outputs, stride) = (inputs, outputs, stride)
    let rows = (inputs + 1) * stride
    let initial = try AlignedBuffer(byteCount: rows * 4).view(Float.self, start: 0, count: rows)
    func turn(_ values: [Float], into view: View<Float>) {
      for i in 0..<outputs {
        for j in 0..<inputs { view[j * stride + i] = values[i * inputs + j] + 0 }
      }
    }
    turn(linear.weight.floats, into: initial)
    if let bias = linear.bias?.floats {
      for i in 0..<outputs { initial[inputs * stride + i] = bias[bias.count == 1 ? 0 : i] + 0 }
    }
    self.initial = initial
    alpha = try linear.alpha.map { alpha in
      let view = try AlignedBuffer(byteCount: rows * 4).view(Float.self, start: 0, count: rows)
      turn(
        alpha.count == inputs * outputs
          ? alpha.floats : [Float](repeating: alpha.floats[0], count: inputs * outputs), into: view)
      return view
    }
    self.weights = weights
    self.fast = fast
    self.geometry = geometry
  }

  /// Rows of weights with the bias.
  var rows: Int { inputs + 1 }
  /// Outputs of a channel: 1 for a matrix.
  var positions: Int { geometry.map { $0.outHeight * $0.outWidth } ?? 1 }
}

/// A layer of cells and where it keeps what it remembers.
final class PackedCell: Sendable {
  let layer: CellLayer
  let stride: Int
  /// [batch][CellRows.count][stride]
  let state: Int
  /// [stride], of all streams.
  let theta: Int
  let initialTheta: View<Float>
  let adaptation: Float
  let thetaDecay: Float

  init(layer: CellLayer, stride: Int, state: Int, theta: Int, cell: Cell, dt_s: Double) throws {
    self.layer = layer
    self.stride = stride
    self.state = state
    self.theta = theta
    let start = cell.theta.floats
    initialTheta = try View.packed(
      start.count == cell.size ? start : [Float](repeating: start[0], count: cell.size))
    adaptation = cell.adaptation
    thetaDecay = cell.tauAdaptation_s.map { Float(exp(-dt_s / Double($0))) } ?? 1
  }

  var learns: Bool { adaptation != 0 || thetaDecay != 1 }
}

extension Cell {
  /// The numbers of a step of `dt_s`. Throws. `cannotCompile` for steps that do not fit.
  func numbers(dt_s: Double) throws -> CellNumbers {
    var numbers = CellNumbers()
    func decay(_ tau: Float?) -> Float {
      tau.map { Float(isEuler ? 1 - dt_s / Double($0) : exp(-dt_s / Double($0))) } ?? 0
    }
    numbers.synapse = tauMembrane_s == nil ? .none : isConductance ? .conductance : .current
    numbers.inputDecay = decay(tauSynapse_s)
    numbers.lateralDecay = decay(tauLateral_s)
    numbers.decay = decay(tauMembrane_s)
    numbers.recoveryDecay = decay(tauRecovery_s)
    numbers.rest = rest
    numbers.gain = gain
    numbers.rate = Float(dt_s / Double(tauMembrane_s ?? 1))
    numbers.excitation = excitation ?? 0
    numbers.inhibition = inhibition ?? 0
    numbers.recovery = recovery
    numbers.lateral = lateral
    numbers.resetValue = resetValue
    numbers.resets = reset == .toValue
    numbers.subtracts = reset == .subtract
    numbers.orEqual = orEqual
    let steps = (Double(refractory_s) / dt_s).rounded()
    guard steps <= 1_000_000 else {
      throw ArcuateError(.cannotCompile, "a silence of \(steps) steps is above 1,000,000")
    }
    numbers.refractorySteps = Float(steps)
    numbers.winners = min(winners ?? 0, size)
    numbers.silences = silences
    return numbers
  }
}

extension Trace {
  func numbers(dt_s: Double) -> TraceNumbers {
    func decay(_ tau: Float) -> Float {
      Float(isEuler ? 1 - dt_s / Double(tau) : exp(-dt_s / Double(tau)))
    }
    return TraceNumbers(
      decay: decay(tau_s), gain: gain, secondDecay: second_s.map(decay) ?? 0,
      secondGain: second_s == nil ? 0 : secondGain, sets: arrival == .set,
      isDouble: second_s != nil, lags: lags)
  }
}
