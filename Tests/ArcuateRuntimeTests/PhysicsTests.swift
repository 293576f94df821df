import Arcuate
import Foundation
import Testing

/// Neurons against the closed solutions of their equations as the step shrinks.
@Suite struct PhysicsTests {
  static let tau = 0.02
  static let tauSynapse = 0.005
  static let r = 2.0
  static let leak = 0.3

  /// The membrane at every step up to `end` seconds, for the input x(t).
  static func trace(
    _ kind: Neuron.Kind, _ integrator: NeuronSemantics.Integrator, dt: Double, end: Double,
    threshold: Float = 1000, _ x: (Double) -> Double
  ) throws -> [Double] {
    var neuron = Neuron(
      kind, tauMembrane: Tensor(vector: [Float(tau)]), resistance: Tensor(vector: [Float(r)]),
      leak: Tensor(vector: [Float(leak)]))
    if kind.hasSynapse {
      neuron.tauSynapse = Tensor(vector: [Float(tauSynapse)])
      neuron.inputWeight = Tensor(vector: [1])
    }
    if kind.spikes {
      neuron.threshold = Tensor(vector: [threshold])
      neuron.resetValue = Tensor(vector: [0])
    }
    var model = Model.chain([
      ("in", .input(shape: [1])), ("n", .neuron(neuron)), ("out", .output(shape: [1])),
    ])
    model.semantics.integrator = integrator
    var options = CompileOptions()
    options.dt_s = dt
    let session = try model.compile(options).makeSession()
    let steps = Int((end / dt).rounded())
    let probe = try session.makeProbe("n", .membrane, capacity: steps)
    _ = try session.run(frames: steps, [(0..<steps).map { Float(x(dt * Double($0))) }])
    return probe.values().map(Double.init)
  }

  /// The largest distance from `exact`, the membrane after a time.
  static func error(
    _ kind: Neuron.Kind, _ integrator: NeuronSemantics.Integrator, dt: Double,
    _ x: (Double) -> Double, _ exact: (Double) -> Double
  ) throws -> Double {
    let values = try trace(kind, integrator, dt: dt, end: 0.1, x)
    return values.indices.map { abs(values[$0] - exact(dt * Double($0 + 1))) }.max()!
  }

  static func step(_: Double) -> Double { 1 }
  static func ramp(_ t: Double) -> Double { 10 * t }
  static func membraneStep(_ t: Double) -> Double { (leak + r) * (1 - exp(-t / tau)) }
  static func membraneRamp(_ t: Double) -> Double {
    leak * (1 - exp(-t / tau)) + r * 10 * (t - tau * (1 - exp(-t / tau)))
  }
  static func doubleStep(_ t: Double) -> Double {
    let f = tauSynapse / (tau - tauSynapse)
    return leak * (1 - exp(-t / tau))
      + r * (1 - (1 + f) * exp(-t / tau) + f * exp(-t / tauSynapse))
  }

  @Test(arguments: [Neuron.Kind.li, .lif]) func halvingTheStepHalvesEulersError(kind: Neuron.Kind)
    throws
  {
    for (x, exact) in [(Self.step, Self.membraneStep), (Self.ramp, Self.membraneRamp)] {
      let errors = try [1e-3, 5e-4, 2.5e-4].map {
        try Self.error(kind, .euler, dt: $0, x, exact)
      }
      #expect(errors[0] < 0.06)
      for (coarse, fine) in zip(errors, errors.dropFirst()) {
        #expect((1.8...2.2).contains(coarse / fine), "\(errors)")
      }
    }
  }

  @Test(arguments: [NeuronSemantics.Integrator.euler, .eulerOldCurrent, .exponential])
  func synapsesConverge(integrator: NeuronSemantics.Integrator) throws {
    let errors = try [4e-4, 2e-4, 1e-4].map {
      try Self.error(.cubaLI, integrator, dt: $0, Self.step, Self.doubleStep)
    }
    #expect(errors[0] < 0.1)
    for (coarse, fine) in zip(errors, errors.dropFirst()) {
      #expect((1.7...2.3).contains(coarse / fine), "\(errors)")
    }
  }

  @Test func exponentialIsExactForHeldInput() throws {
    for dt in [1e-2, 1e-3, 1e-4] {
      #expect(
        try Self.error(.li, .exponential, dt: dt, Self.step, Self.membraneStep) < 2e-5, "dt \(dt)")
    }
  }

  /// Source. T = -tau ln((threshold - v_leak - r I) / (v_reset - v_leak - r I)).
  @Test func intervalBetweenSpikesIsTheFormulas() throws {
    let threshold = 1.5
    let drive = Self.leak + Self.r
    let interval = -Self.tau * log((threshold - drive) / (0 - drive))
    for (dt, bound) in [(1e-4, 2.0), (2e-5, 2.0)] {
      let values = try Self.trace(
        .lif, .exponential, dt: dt, end: 0.3, threshold: Float(threshold), Self.step)
      let spikes = values.indices.filter { values[$0] == 0 }
      let measured = zip(spikes, spikes.dropFirst()).map { Double($1 - $0) * dt }
      #expect(measured.count >= 10)
      for one in measured { #expect(abs(one - interval) < bound * dt) }
    }
  }
}
