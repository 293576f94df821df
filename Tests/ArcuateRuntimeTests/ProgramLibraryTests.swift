import Arcuate
import ArcuateModel
import Foundation
import Testing

/// The files of `programs/`: what their comments say, that they run, and the general ones against
/// formulas in double precision.
@Suite struct ProgramLibraryTests {
  /// Rows of the table in the comments: name and default.
  static func table(_ text: String) -> [(name: String, standard: Double)] {
    var rows: [(String, Double)] = []
    var isTable = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let words = line.split(separator: " ")
      if words.count > 3, words[1] == "parameter", words[2] == "unit" {
        isTable = true
      } else if isTable, words.count < 2 {
        break
      } else if isTable {
        // A unit may be several words: the default is the first number behind the name.
        let number = words.dropFirst(2).lazy.compactMap { Double($0) }
        let hasUnit = words.count > 3
        rows.append((String(words[1]), hasUnit ? unitless(words, number.first ?? .nan) : .nan))
      }
    }
    return rows
  }

  /// The unit may be the number 1, which the default follows.
  private static func unitless(_ words: [Substring], _ first: Double) -> Double {
    if words[2] == "1" || words[2].contains("/") || Double(words[2]) != nil {
      return words.dropFirst(3).lazy.compactMap { Double($0) }.first ?? .nan
    }
    return first
  }

  @Test func theFilesAreThere() { #expect(ProgramLibrary.names.count >= 77) }

  @Test(arguments: ProgramLibrary.names) func theCommentsSayWhatTheProgramHas(_ name: String) throws
  {
    let text = try ProgramLibrary.text(name)
    let program = try NeuronProgram(text)
    for part in ["Emits:", "Source:", "#   parameter"] {
      #expect(text.contains(part), "no \(part)")
    }
    let table = Self.table(text)
    #expect(Set(table.map(\.name)) == Set(program.parameterNames))
    for (name, standard) in table {
      let own = try #require(program.parameters.first { $0.name == name }?.standard)
      #expect(abs(own - standard) <= 1e-3 * abs(own), "\(name): \(standard) in the table, \(own)")
    }
    let emits = text.split(separator: "\n").first { $0.contains("Emits:") } ?? ""
    switch program.emission {
    case .spike: #expect(emits.contains(" spikes"))
    case .count: #expect(emits.contains("counts"))
    case .value: #expect(emits.contains("values"))
    }
  }

  @Test(arguments: ProgramLibrary.names) func itRunsWithItsDefaults(_ name: String) throws {
    let program = try NeuronProgram(ProgramLibrary.text(name))
    let scale: Float = name == "adex" || program.states[0].type == .integer ? 600 : 8
    let inputs = program.inputNames.indices.map { k in
      ProgramLibrary.inputs(50, 20, -scale / 4, scale, stream: UInt32(k)).map { row in
        row.map { $0.rounded() }
      }
    }
    let (emitted, state) = try ProgramLibrary.run(program, inputs)
    #expect(emitted.joined().allSatisfy { $0.isFinite })
    #expect(state.joined().allSatisfy { $0.isFinite })
  }

  /// Spikes and first state of a program against a step in double precision, which is made for each
  /// neuron: inputs of the step to spike and state. States are off by at most `tolerance`, of their
  /// magnitude where it is above 1.
  static func check(
    _ name: String, dt_s: Double = 1e-3, inputs: [[[Float]]],
    within tolerance: Double, _ neuron: () -> ([Double]) -> (spike: Bool, v: Double)
  ) throws {
    let program = try NeuronProgram(ProgramLibrary.text(name))
    let (emitted, state) = try ProgramLibrary.run(program, inputs, dt_s: dt_s)
    var worst = 0.0
    var differences = 0
    for n in inputs[0][0].indices {
      let step = neuron()
      for t in 0..<inputs[0].count {
        let (spike, v) = step(inputs.map { Double($0[t][n]) })
        worst = max(worst, abs(v - Double(state[t][n])) / max(1, abs(v)))
        differences += spike == (emitted[t][n] == 1) ? 0 : 1
      }
    }
    #expect(emitted.joined().contains(1), "no spikes")
    #expect(differences == 0)
    #expect(worst <= tolerance, "the state is off by \(worst)")
  }

  @Test func adaptiveLIF() throws {
    let x = ProgramLibrary.inputs(300, 10, 0, 5)
    try Self.check("adaptive-lif", inputs: [x], within: 1e-4) {
      var (v, b) = (0.0, 0.0)
      return { x in
        let threshold = 1 + 1.8 * b
        v = exp(-0.001 / 0.02) * v + (1 - exp(-0.001 / 0.02)) * x[0]
        let spike = v > threshold
        if spike { v -= threshold }
        b = exp(-0.001 / 0.2) * b + (spike ? 1 - exp(-0.001 / 0.2) : 0)
        return (spike, v)
      }
    }
  }

  /// The program of the paper, in its order. In float32, and to the last bit: the upstroke of a spike
  /// enlarges what rounding changes a hundredfold.
  @Test func izhikevich() throws {
    let x = ProgramLibrary.inputs(300, 10, 0, 14)
    try Self.check("izhikevich", inputs: [x], within: 0) {
      var (v, u): (Float, Float) = (-65, -13)
      return { x in
        let fired = v >= 30
        if fired {
          v = -65
          u += 8
        }
        for _ in 0..<2 { v += 0.5 * (0.04 * (v * v) + 5 * v + 140 - u + Float(x[0])) }
        u += 0.02 * (0.2 * v - u)
        return (fired, Double(v))
      }
    }
  }

  @Test func adaptiveExponential() throws {
    let x = ProgramLibrary.inputs(3000, 6, 500, 1500)
    try Self.check("adex", dt_s: 1e-4, inputs: [x], within: 5e-2) {
      var (v, w) = (-70.6, 0.0)
      return { x in
        // In ms, mV, pA, pF and nS.
        let slope = (-30 * (v + 70.6) + 30 * 2 * exp((v + 50.4) / 2) - w + x[0]) / 281
        w += 0.1 / 144 * (4 * (v + 70.6) - w)
        v += 0.1 * slope
        let spike = v > 20
        if spike {
          v = -70.6
          w += 80.5
        }
        return (spike, v)
      }
    }
  }

  /// As a complex number.
  @Test func resonateAndFire() throws {
    let x = ProgramLibrary.inputs(600, 10, -30, 90)
    try Self.check("resonate-and-fire", inputs: [x], within: 1e-4) {
      var z = (real: 0.0, imaginary: 0.0)
      return { x in
        let factor = (real: 1 - 0.001, imaginary: 0.01)
        z = (
          z.real * factor.real - z.imaginary * factor.imaginary + 0.001 * x[0],
          z.real * factor.imaginary + z.imaginary * factor.real
        )
        let spike = z.imaginary > 1
        if spike { z = (0, 1) }
        return (spike, z.imaginary)
      }
    }
  }

  /// The current as the sum of an alpha function for each input.
  @Test func alphaFunction() throws {
    let x = ProgramLibrary.inputs(200, 10, 0, 0.5)
    try Self.check("alpha-lif", inputs: [x], within: 1e-4) {
      var v = 0.0
      var past: [Double] = []
      return { x in
        var i = 0.0
        for (k, input) in past.enumerated() {
          let t = Double(past.count - k) * 0.001 / 0.005
          i += input * t * exp(1 - t)
        }
        past.append(x[0])
        v += (1 - exp(-0.001 / 0.02)) * (i - v)
        let spike = v > 1
        if spike { v = 0 }
        return (spike, v)
      }
    }
  }

  @Test func conductances() throws {
    let x = [0, 1].map { ProgramLibrary.inputs(300, 10, 0, 0.3, stream: $0) }
    try Self.check("coba-lif", inputs: x, within: 2e-3) {
      var (v, excitatory, inhibitory) = (-60.0, 0.0, 0.0)
      var (t, last) = (0, -100)
      return { x in
        t += 1
        excitatory = excitatory * exp(-0.2) + x[0]
        inhibitory = inhibitory * exp(-0.1) + x[1]
        guard t - last > 5 else { return (false, v) }
        v += 0.05 * (-60 - v + excitatory * (0 - v) + inhibitory * (-80 - v))
        guard v > -50 else { return (false, v) }
        (v, last) = (-60, t)
        return (true, v)
      }
    }
  }

  @Test func twoSynapses() throws {
    let x = [0, 1].map { ProgramLibrary.inputs(300, 10, 0, 2, stream: $0) }
    try Self.check(
      "two-synapse-lif", inputs: [x[0], x[1].map { $0.map { $0 * 0.25 } }], within: 1e-4
    ) {
      var (v, excitatory, inhibitory) = (0.0, 0.0, 0.0)
      var (t, last) = (0, -100)
      return { x in
        t += 1
        excitatory = excitatory * exp(-0.2) + x[0]
        inhibitory = inhibitory * exp(-0.1) + x[1]
        guard t - last > 2 else { return (false, v) }
        v += (1 - exp(-0.05)) * (excitatory - inhibitory - v)
        guard v > 1 else { return (false, v) }
        (v, last) = (0, t)
        return (true, v)
      }
    }
  }

  /// Neurons of one state: their input range and how a potential moves in a step of 1 ms, or 0.1 ms.
  static let simple:
    [(
      name: String, low: Float, high: Float, dt_s: Double, start: Double, peak: Double,
      reset: Double,
      move: @Sendable (Double, Double) -> Double
    )] = [
      ("if", -0.2, 0.6, 1e-3, 0, 1, 0, { $0 + $1 }),
      ("lif", 0, 5, 1e-3, 0, 1, 0, { $0 + (1 - exp(-0.05)) * ($1 - $0) }),
      (
        "exponential-if", 0, 30, 1e-4, -65, 0, -68,
        { $0 + 0.01 * (-65 - $0 + 3.48 * exp(($0 + 59.9) / 3.48) + $1) }
      ),
      (
        "quadratic-if", 0, 60, 1e-4, -65, 0, -65,
        { $0 + 0.005 * (0.04 * ($0 + 65) * ($0 + 50) + $1) }
      ),
      (
        "fefet-quasi-lif", -0.2, 0.8, 1e-3, 0, 1, 0,
        { u, x in
          u * min(max(1 - 0.1 * (1 + 0.5 * u), 0), 1) + (1 - u / 4) * x
        }
      ),
    ]

  @Test(arguments: simple.indices) func oneState(index: Int) throws {
    let neuron = Self.simple[index]
    let x = ProgramLibrary.inputs(neuron.dt_s < 1e-3 ? 3000 : 300, 10, neuron.low, neuron.high)
    let tolerance = neuron.dt_s < 1e-3 ? 5e-2 : 1e-4
    try Self.check(neuron.name, dt_s: neuron.dt_s, inputs: [x], within: tolerance) {
      var v = neuron.start
      return { x in
        v = neuron.move(v, x[0])
        let spike = v > neuron.peak
        if spike { v = neuron.reset }
        return (spike, v)
      }
    }
  }

  @Test func currentBased() throws {
    let x = ProgramLibrary.inputs(300, 10, 0, 1)
    try Self.check("cuba-lif", inputs: [x], within: 1e-4) {
      var (v, i) = (0.0, 0.0)
      return { x in
        i = i * exp(-0.2) + x[0]
        v += (1 - exp(-0.05)) * (i - v)
        let spike = v > 1
        if spike { v = 0 }
        return (spike, v)
      }
    }
  }

  @Test func twoCompartments() throws {
    let x = [0, 1].map { ProgramLibrary.inputs(300, 10, 0, 3, stream: $0) }
    try Self.check("two-compartment", inputs: x, within: 1e-4) {
      var (soma, dendrite) = (0.0, 0.0)
      return { x in
        (soma, dendrite) = (
          soma + 0.1 * (x[1] - soma + 0.8 * (dendrite - soma)),
          dendrite + 1 / 30 * (x[0] - dendrite + 0.2 * (soma - dendrite))
        )
        let spike = soma > 1
        if spike { soma = 0 }
        return (spike, soma)
      }
    }
  }

  /// The receiver's sum of what is sent stays within a threshold of the rectified sum of the inputs.
  @Test func sigmaDelta() throws {
    let x = ProgramLibrary.inputs(300, 10, -0.05, 0.06)
    let program = try NeuronProgram(ProgramLibrary.text("sigma-delta"))
    let sent = try ProgramLibrary.run(program, [x]).emitted
    for n in 0..<10 {
      var (sum, decoded) = (0.0, 0.0)
      for t in x.indices {
        sum += Double(x[t][n])
        decoded += Double(sent[t][n])
        #expect(abs(max(sum, 0) - decoded) < 0.1 + 1e-5)
      }
    }
    #expect(sent.joined().count { $0 != 0 } < 1000)
  }

  /// The mean of the spikes is the mean of the inputs.
  @Test func sigmaDeltaModulator() throws {
    let x = ProgramLibrary.inputs(400, 10, 0, 1)
    let program = try NeuronProgram(ProgramLibrary.text("sigma-delta-modulator"))
    let spikes = try ProgramLibrary.run(program, [x]).emitted
    for n in 0..<10 {
      let (code, sum) = (spikes.reduce(0) { $0 + $1[n] }, x.reduce(0) { $0 + $1[n] })
      #expect(abs(code - sum) < 2)
    }
  }
}
