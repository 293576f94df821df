import ArcuateCore
import ArcuateModel
import Testing

@testable import ArcuateTraining

extension GradientCase {
  static func program(_ text: String, _ parameters: [String: Tensor] = [:]) -> Operator {
    .program(ProgramNeuron(try! NeuronProgram(text), parameters: parameters))
  }

  /// Programs with every instruction that has a gradient; their parameters are trained.
  static let programs: [GradientCase] = {
    let lif = """
      state v = start
      v = exp(-dt / tau) * v + gain * x
      spike = v >= threshold
      v = spike ? v - threshold : v
      """
    let neuron: [String: Tensor] = [
      "start": tensor([5], 40, 0.2), "tau": tensor([5], 41, 1e-3, 4e-3),
      "gain": tensor([5], 42, 0.3, 1), "threshold": Tensor(scalar: 0.6),
    ]
    let adaptive = """
      state v, a
      v = 0.8 * v + 1.4 * x
      threshold = 0.5 + b * a
      spike = v > threshold
      v -= spike * threshold
      a = rho * a + (1 - rho) * spike
      """
    let functions = """
      state v, w
      u = tanh(v) + exp(min(w, 1) * 0.3) - log(2 + abs(x)) / sqrt(1.5 + v ** 2)
      v = 0.6 * v + a * max(u, -0.7) + x
      w = 0.5 * w - c * u / (1 + w ** 2)
      value = -w + v
      """
    let logic = """
      state v, r
      v = 0.7 * v + g * x
      spike = (v > 0.4 && r < 0.5) || !(v > -0.8)
      v = spike ? 0.1 * v : v
      r = spike ? 1 : 0.6 * r
      """
    func one(_ name: String, _ model: Model) -> GradientCase {
      GradientCase(name: name, model: model) { options in
        options.surrogate = .fastSigmoid(slope: 2)
        for node in model.nodes {
          if case .program(let neuron) = node.op {
            options.trained.formUnion(neuron.parameters.keys)
          }
        }
      }
    }
    let texts = [
      ("LIF", lif, neuron),
      ("adaptive", adaptive, ["b": Tensor(scalar: 0.7), "rho": Tensor(scalar: 0.9)]),
      ("functions", functions, ["a": tensor([5], 43, 0.3, 0.5), "c": Tensor(scalar: 0.4)]),
      ("logic", logic, ["g": tensor([5], 44, 0.2, 1.2)]),
    ]
    var product = sandwich(
      "product",
      program(
        "input a, b\nstate v\nv = 0.5 * v + a * b + c * a\nvalue = tanh(v)",
        ["c": Tensor(scalar: 0.3)]))
    product.nodes.append(.init("second", linear(5, 4, 5)))
    product.edges += [.init("in", "second"), .init("second", "x")]
    return texts.flatMap { name, text, parameters in
      [
        one("program \(name)", sandwich("x", program(text, parameters))),
        one("program \(name) in a cycle", recurrent(program(text, parameters))),
      ]
    } + [one("program of two inputs", product)]
  }()
}

@Suite struct ProgramGradientTests {
  /// Spikes and gradients of a network with one kind of neuron in a cycle.
  private func results(
    _ neurons: Operator, _ change: (inout GradientOptions) -> Void = { _ in }
  ) throws -> (spikes: [Float], gradients: [[Float]]) {
    var options = GradientOptions()
    (options.batch, options.steps, options.dt_s) = (5, 20, 1e-3)
    options.inputGradients = true
    options.surrogate = .fastSigmoid(slope: 4)
    change(&options)
    let network = try Network(GradientCase.recurrent(neurons), options)
    try network.setInput(GradientCase.random(5 * 4, 60, 3))
    try network.forward(isTraining: true)
    let spikes = try #require(network.activity(of: "x"))
    network.clearGradients()
    try network.setOutputGradient(GradientCase.random(network.output().count, 61))
    try network.backward()
    return (
      spikes,
      network.parameters.filter(\.isTrained).map { $0.readGradient() } + [
        try network.inputGradient()
      ]
    )
  }

  private func expectSame(_ a: [[Float]], _ b: [[Float]], _ what: String) {
    for (x, y) in zip(a, b) {
      let size = max(1, x.map(abs).max() ?? 0)
      #expect(zip(x, y).allSatisfy { abs($0 - $1) < 1e-4 * size }, "\(what)")
    }
  }

  @Test(arguments: [NeuronSemantics.Reset.subtract, .toValue])
  func theGradientsOfLIFAreThoseOfItsKernel(reset: NeuronSemantics.Reset) throws {
    let kernel = GradientCase.lif(5) { $0.reset = reset }
    guard case .neuron(let neuron) = kernel else { return }
    let text = """
      state v
      v = (1 - dt / tau) * v + dt / tau * r * x + dt / tau * v_leak
      spike = v > v_threshold
      v = spike ? \(reset == .subtract ? "v - (v_threshold - v_reset)" : "v_reset") : v
      """
    let parameters = Dictionary(
      uniqueKeysWithValues: neuron.parameters.map { ($0.name, $0.tensor) })
    // With states that nothing uses it is not taken for a kind of NIR.
    let program = GradientCase.program(text + "\nstate unused_1, unused_2", parameters)
    for threads in [1, 2] {
      let change: (inout GradientOptions) -> Void = { $0.threads = threads }
      let (expected, found) = (try results(kernel, change), try results(program, change))
      #expect(Set(expected.spikes) == [0, 1])
      #expect(found.spikes == expected.spikes)
      expectSame(found.gradients, expected.gradients, "\(reset) \(threads)")
    }
    let recognized = try results(GradientCase.program(text, parameters))
    #expect(try results(kernel).gradients == recognized.gradients)
    // Without gradients through the reset.
    let change: (inout GradientOptions) -> Void = { $0.throughReset = false }
    expectSame(
      try results(program, change).gradients, try results(kernel, change).gradients,
      "detached reset")
    let time: (inout GradientOptions) -> Void = { $0.detachesTime = true }
    expectSame(
      try results(program, time).gradients, try results(kernel, time).gradients, "detached time")
  }

  @Test func aSurrogateOfItsOwnIsUsed() throws {
    let text = "state v\nv = 0.8 * v + x\nspike = v > 0.5\nv = spike ? 0 : v"
    let own = GradientCase.program(
      "surrogate(u) = 1 / (1 + slope * abs(u)) ** 2\n" + text, ["slope": Tensor(scalar: 7)])
    let expected = try results(GradientCase.program(text)) { $0.surrogate = .fastSigmoid(slope: 7) }
    expectSame(try results(own).gradients, expected.gradients, "surrogate")
    let other = try results(GradientCase.program(text)) {
      $0.surrogate = .triangle(width: 1, height: 1)
    }
    #expect(other.gradients != expected.gradients)
  }

  @Test func whatHasNoGradientIsRefused() throws {
    for (text, location) in [
      ("state integer k\nk = k + integer(x)\nvalue = number(k)", "line 2, column 9"),
      ("state v\nv = x\nspike = v > 0 && winners(v, 2)", "line 3, column 18"),
    ] {
      let error = #expect(throws: ArcuateError.self) { try results(GradientCase.program(text)) }
      #expect(error?.code == .cannotCompile)
      #expect(error?.description.contains(location) == true, "\(error!)")
    }
  }
}
