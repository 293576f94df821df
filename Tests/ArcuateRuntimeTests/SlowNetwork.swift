import Arcuate
import Foundation

/// The Model, interpreted one number at a time: what the runtime must give, to the bit.
///
/// Written from the definitions of operators and semantics alone; shares no code with the plan.
/// Arrays are channel-first. Networks are chains of nodes with, at most, feedback edges that the
/// test names.
struct SlowNetwork {
  let nodes: [Model.Node]
  let shapes: [[Int]]
  /// For each node the nodes that feed it.
  let sources: [[Int]]
  /// Pairs (source, target) that carry the step before.
  let feedback: Set<[Int]>
  let semantics: NeuronSemantics
  let dt: Double
  /// Each neuron's parameters by their NIR names.
  let parameters: [[String: [Float]]]

  var outputs: [[Float]]
  var before: [[Float]]
  var membrane: [[Float]]
  var current: [[Float]]
  var pending: [[Float]]
  /// For connections with delays, what arrives in the steps to come, by step.
  var arriving: [Int: [[Float]]]
  /// What each input of a pooling has brought, and the largest of each window.
  var sums: [Int: [Float]] = [:]
  var largest: [Int: [Float]] = [:]
  var now = 0

  /// `nodes` in an order in which they can be evaluated, with the shape of what each emits.
  init(
    _ nodes: [(Model.Node, shape: [Int])], edges: [(String, String)],
    feedback: [(String, String)] = [], semantics: NeuronSemantics, dt: Double
  ) {
    self.nodes = nodes.map(\.0)
    shapes = nodes.map(\.shape)
    let place = { (name: String) in nodes.firstIndex { $0.0.name == name }! }
    var sources = [[Int]](repeating: [], count: nodes.count)
    for (source, target) in edges { sources[place(target)].append(place(source)) }
    self.sources = sources
    self.feedback = Set(feedback.map { [place($0.0), place($0.1)] })
    self.semantics = semantics
    self.dt = dt
    parameters = nodes.map { node, _ in
      guard case .neuron(let neuron) = node.op else { return [:] }
      return Dictionary(uniqueKeysWithValues: neuron.parameters.map { ($0.name, $0.tensor.floats) })
    }
    let zeros = shapes.map { [Float](repeating: 0, count: $0.reduce(1, *)) }
    (outputs, before, membrane, current, pending) = (zeros, zeros, zeros, zeros, zeros)
    arriving = [:]
    for n in nodes.indices {
      guard let initial = parameters[n]["v_initial"] else { continue }
      for i in membrane[n].indices { membrane[n][i] = initial[initial.count == 1 ? 0 : i] }
    }
    // Before the first step an edge back carries zero, or what a layer of weights says to silence.
    if semantics.feedbackStart == .response {
      for pair in self.feedback {
        if case .linear(let linear) = self.nodes[pair[0]].op, let bias = linear.bias {
          outputs[pair[0]] = bias.floats
        }
      }
    }
  }

  mutating func step(_ input: [Float]) -> [Float] {
    before = outputs
    for (n, node) in nodes.enumerated() {
      if case .neuron = node.op, semantics.spikeTiming == .nextStep { outputs[n] = pending[n] }
    }
    // What connections with delays give was decided in earlier steps.
    let due = arriving.removeValue(forKey: now)
    for (n, node) in nodes.enumerated() {
      if case .sparse = node.op {
        outputs[n] = due?[n] ?? [Float](repeating: 0, count: outputs[n].count)
      }
    }
    defer { now += 1 }
    for n in nodes.indices {
      let all = sources[n].map { feedback.contains([$0, n]) ? before[$0] : outputs[$0] }
      switch nodes[n].op {
      case .concatenation:
        outputs[n] = all.flatMap { $0 }
        continue
      case .multiplication:
        for i in outputs[n].indices {
          outputs[n][i] = all.dropFirst().reduce(all[0][i]) { $0 * $1[i] }
        }
        continue
      default: break
      }
      var x = [Float](repeating: 0, count: sources[n].first.map { outputs[$0].count } ?? 0)
      for (k, source) in sources[n].enumerated() {
        let arriving = feedback.contains([source, n]) ? before[source] : outputs[source]
        for i in x.indices { x[i] = k == 0 ? arriving[i] : x[i] + arriving[i] }
      }
      evaluate(n, x, input)
    }
    return outputs.last!
  }

  private mutating func evaluate(_ n: Int, _ x: [Float], _ input: [Float]) {
    switch nodes[n].op {
    case .input: outputs[n] = input
    case .linear(let linear):
      let weight = linear.weight.floats
      let bias = linear.bias?.floats
      for o in outputs[n].indices {
        var sum = bias?[o] ?? 0
        for i in x.indices { sum += weight[o * x.count + i] * x[i] }
        outputs[n][o] = sum
      }
    case .sparse(let sparse): send(sparse, n, x)
    case .convolution(let c): outputs[n] = convolve(c, x, sources[n][0], n)
    case .pooling(let p) where p.kind == .spikeMaximum:
      let before = sums[n] ?? x.map { _ in 0 }
      let all = x.indices.map { before[$0] + x[$0] }
      let most = pool(p, all, sources[n][0], n)
      let had = largest[n] ?? most.map { _ in 0 }
      outputs[n] = most.indices.map { most[$0] - had[$0] }
      (sums[n], largest[n]) = (all, most)
    case .pooling(let p): outputs[n] = pool(p, x, sources[n][0], n)
    case .scale(let factor):
      let factor = factor.floats
      outputs[n] = x.indices.map { x[$0] * factor[$0] }
    case .normalization(let norm):
      let (target, floor) = (Double(norm.target), Double(norm.floor))
      let squares = x.reduce(0.0) { $0 + Double($1) * Double($1) }
      let root = max(squares / (Double(x.count) * target * target), floor).squareRoot()
      outputs[n] = x.map { $0 * Float(1 / root) }
      if norm.appendsLog { outputs[n].append(Float(log(root * target))) }
    case .neuron(let neuron):
      for i in outputs[n].indices { step(neuron, n, i, x[i]) }
    default: outputs[n] = x
    }
  }

  private mutating func send(_ sparse: SparseLinear, _ n: Int, _ x: [Float]) {
    for j in x.indices where x[j] != 0 {
      for k in sparse.rowStarts[j]..<sparse.rowStarts[j + 1] {
        let delay = sparse.delay_s.value(at: sparse.delay_s.count == 1 ? 0 : k)
        let steps = Int((Double(delay) / dt).rounded())
        let post = sparse.postIndices[k]
        let sent = sparse.weight.value(at: k) * x[j]
        if steps == 0 {
          outputs[n][post] += sent
        } else {
          if arriving[now + steps] == nil {
            arriving[now + steps] = outputs.map { [Float](repeating: 0, count: $0.count) }
          }
          arriving[now + steps]![n][post] += sent
        }
      }
    }
  }

  private func convolve(_ c: Convolution, _ x: [Float], _ source: Int, _ n: Int) -> [Float] {
    let (weight, w, bias) = (c.weight.floats, c.weight.shape, c.bias?.floats)
    let (into, out) = (shapes[source], shapes[n])
    guard case .explicit(let pad) = c.padding else { fatalError("explicit padding only") }
    var y: [Float] = []
    for o in 0..<out[0] {
      for oy in 0..<out[1] {
        for ox in 0..<out[2] {
          var sum = bias?[o] ?? 0
          for ky in 0..<w[2] {
            for kx in 0..<w[3] {
              let iy = oy * c.stride[0] - pad[0] + ky * c.dilation[0]
              let ix = ox * c.stride[1] - pad[1] + kx * c.dilation[1]
              guard (0..<into[1]).contains(iy), (0..<into[2]).contains(ix) else { continue }
              for i in 0..<w[1] {
                let channel = o / (out[0] / c.groups) * w[1] + i
                sum +=
                  weight[((o * w[1] + i) * w[2] + ky) * w[3] + kx]
                  * x[(channel * into[1] + iy) * into[2] + ix]
              }
            }
          }
          y.append(sum)
        }
      }
    }
    return y
  }

  private func pool(_ p: Pooling, _ x: [Float], _ source: Int, _ n: Int) -> [Float] {
    let (into, out) = (shapes[source], shapes[n])
    var y: [Float] = []
    for c in 0..<out[0] {
      for oy in 0..<out[1] {
        for ox in 0..<out[2] {
          var seen: [Float] = []
          for ky in 0..<p.kernel[0] {
            for kx in 0..<p.kernel[1] {
              let (iy, ix) = (
                oy * p.stride[0] - p.padding[0] + ky, ox * p.stride[1] - p.padding[1] + kx
              )
              guard (0..<into[1]).contains(iy), (0..<into[2]).contains(ix) else { continue }
              seen.append(x[(c * into[1] + iy) * into[2] + ix])
            }
          }
          switch p.kind {
          case .maximum, .spikeMaximum: y.append(seen.max()!)
          case .sum: y.append(seen.reduce(0, +))
          case .average: y.append(seen.reduce(0, +) / Float(p.kernel[0] * p.kernel[1]))
          }
        }
      }
    }
    return y
  }

  /// One neuron, one step: the formulas of `NeuronSemantics.Integrator`, coefficients in double.
  private mutating func step(_ neuron: Neuron, _ n: Int, _ i: Int, _ x: Float) {
    func value(_ name: String) -> Double {
      parameters[n][name].map { Double($0[$0.count == 1 ? 0 : i]) } ?? 0
    }
    let s = semantics
    let (r, leak) = (value("r"), value("v_leak"))
    let (threshold, resetTo) = (Float(value("v_threshold")), Float(value("v_reset")))
    func reaches(_ v: Float) -> Bool { s.comparison == .greater ? v > threshold : v >= threshold }
    func spikes(_ v: Float) -> Float { s.multiSpike ? (v / threshold).rounded(.down) : 1 }
    let spiking = neuron.kind.spikes
    let old = membrane[n][i]
    var v = old

    // The reset of the step before. Taking a threshold off is done after the decay by neurons
    // without synapse, and by others when they spike, which is the same as before the decay.
    let isLate = s.resetTiming == .nextStep && !(neuron.kind.hasSynapse && s.reset == .subtract)
    var owed: Float = 0
    if spiking, isLate, reaches(v) {
      if s.reset == .toValue { v = resetTo }
      if s.reset == .subtract { owed = spikes(v) * (threshold - resetTo) }
    }

    var drive = x
    if neuron.kind.hasSynapse {
      let a = dt / value("tau_syn")
      let weight = neuron.inputWeight == nil ? 1 : value("w_in")
      let (keep, take): (Double, Double) =
        switch s.integrator {
        case .euler, .eulerOldCurrent: (1 - a, a * weight)
        case .exponential: (exp(-a), (1 - exp(-a)) * weight)
        case .exponentialUnit, .exponentialPost: (exp(-a), exp(-a) * a * weight)
        }
      let was = current[n][i]
      current[n][i] = Float(keep) * was + Float(take) * x
      drive = s.integrator == .eulerOldCurrent ? was : current[n][i]
    }
    var (keep, take, add) = (1.0, s.integratorGain == .r ? r : dt * r, 0.0)
    if neuron.kind.leaks {
      let b = dt / value(neuron.kind.hasSynapse ? "tau_mem" : "tau")
      switch s.integrator {
      case .euler, .eulerOldCurrent: (keep, take, add) = (1 - b, b * r, b * leak)
      case .exponential: (keep, take, add) = (exp(-b), (1 - exp(-b)) * r, (1 - exp(-b)) * leak)
      case .exponentialUnit: (keep, take, add) = (exp(-b), b * r, (1 - exp(-b)) * leak)
      case .exponentialPost: (keep, take, add) = (exp(-b), exp(-b) * b * r, (1 - exp(-b)) * leak)
      }
    }
    v = Float(keep) * v + Float(take) * drive + Float(add)
    if spiking && isLate { v -= owed }
    var emitted = v
    if spiking {
      // What was left above threshold is taken off before the comparison, and given back if
      // there is no spike after all.
      let left = s.resetTiming == .sameStepResidual && reaches(old)
      let compared = left ? v - threshold : v
      emitted = reaches(compared) ? spikes(v) : 0
      if !isLate {
        if s.reset == .toValue, emitted != 0 { v = resetTo }
        if s.reset == .subtract { v -= emitted * (threshold - resetTo) }
      }
      if s.clampsBelow, neuron.kind == .integrateAndFire { v = max(v, -threshold) }
    }
    membrane[n][i] = v
    if spiking, s.spikeTiming == .nextStep {
      outputs[n][i] = pending[n][i]
      pending[n][i] = emitted
    } else {
      outputs[n][i] = emitted
    }
  }
}
