import Arcuate

/// Input -> weights that learn -> cells, element by element, as the glossary of `PlasticRule` says.
///
/// Streams share the weights and are gone through one after another, terms in their order.
struct SlowLearner {
  let linear: PlasticLinear
  let cell: Cell
  let dt: Double
  let batch: Int
  var weight: [[Float]]  // [pre + 1][post], the bias last
  var theta: [Float]
  var preTraces: [[[Float]]]  // [batch][trace][2 pre]
  var postTraces: [[[Float]]]
  var previous: [(pre: [Float], post: [Float])]
  var v: [[Float]]
  var silence: [[Int]]
  var last: [[Float]]
  var signal: [[Float]]?

  init(_ linear: PlasticLinear, _ cell: Cell, dt: Double, batch: Int) {
    self.linear = linear
    self.cell = cell
    self.dt = dt
    self.batch = batch
    let (pre, post) = (linear.pre, linear.post)
    let w = linear.weight.floats
    weight = (0..<pre).map { j in (0..<post).map { w[$0 * pre + j] } }
    weight.append(linear.bias?.floats ?? [Float](repeating: 0, count: post))
    theta =
      cell.theta.count == 1
      ? Array(repeating: cell.theta.floats[0], count: post) : cell.theta.floats
    func rows(_ traces: [Trace], _ n: Int) -> [[[Float]]] {
      Array(repeating: traces.map { _ in Array(repeating: 0, count: 2 * n) }, count: batch)
    }
    preTraces = rows(linear.rule.traces(pre: true), pre)
    postTraces = rows(linear.rule.traces(pre: false), post)
    previous = Array(
      repeating: (Array(repeating: 0, count: pre), Array(repeating: 0, count: post)), count: batch)
    v = Array(repeating: Array(repeating: cell.rest, count: post), count: batch)
    silence = Array(repeating: Array(repeating: 0, count: post), count: batch)
    last = Array(repeating: Array(repeating: 0, count: post), count: batch)
  }

  private func decay(_ tau: Float, _ euler: Bool) -> Float {
    Float(euler ? 1 - dt / Double(tau) : exponential(-dt / Double(tau)))
  }

  private func advance(_ traces: [Trace], _ rows: inout [[Float]], _ x: [Float]) {
    for (k, trace) in traces.enumerated() {
      let n = x.count
      func second(_ rows: inout [[Float]]) {
        guard let tau = trace.second_s else { return }
        for i in 0..<n {
          rows[k][n + i] =
            decay(tau, trace.isEuler) * rows[k][n + i] + trace.secondGain * rows[k][i]
        }
      }
      if trace.lags { second(&rows) }
      for i in 0..<n {
        let d = decay(trace.tau_s, trace.isEuler)
        switch trace.arrival {
        case .add: rows[k][i] = d * rows[k][i] + trace.gain * x[i]
        case .set: rows[k][i] = x[i] == 0 ? d * rows[k][i] : x[i]
        }
      }
      if !trace.lags { second(&rows) }
    }
  }

  private func factor(
    _ factor: PlasticRule.Factor, _ traces: [Trace], now: [[Float]], before: [[Float]],
    value: [Float], previous: [Float]
  ) -> [Float] {
    switch factor {
    case .one: return value.map { _ in 1 }
    case .value: return value
    case .previous: return previous
    case .trace(let trace, let isBefore):
      let row = (isBefore ? before : now)[traces.firstIndex(of: trace)!]
      return trace.second_s == nil ? Array(row[..<value.count]) : Array(row[value.count...])
    case .sinceReset, .surrogate, .node, .state: fatalError("not in this twin")
    }
  }

  /// One step of all streams; the spikes of each.
  mutating func step(_ x: [[Float]], learns: Bool) -> [[Float]] {
    let (pre, post) = (linear.pre, linear.post)
    var spikes: [[Float]] = []
    for b in 0..<batch {
      var sum = weight[pre]
      for j in 0..<pre where x[b][j] != 0 {
        for i in 0..<post { sum[i] += weight[j][i] * x[b][j] }
      }
      var margin = [Float](repeating: 0, count: post)
      var y = [Float](repeating: 0, count: post)
      for i in 0..<post {
        v[b][i] =
          cell.rest + decay(cell.tauMembrane_s!, false) * (v[b][i] - cell.rest) + cell.gain * sum[i]
        if silence[b][i] > 0 { v[b][i] = cell.resetValue }
        margin[i] = v[b][i] - (cell.threshold.floats[0] + theta[i])
        if margin[i] > 0 && silence[b][i] == 0 { y[i] = 1 }
        if silence[b][i] > 0 { silence[b][i] -= 1 }
      }
      if let most = cell.winners {
        let order = (0..<post).filter { y[$0] != 0 }.sorted {
          margin[$0] != margin[$1] ? margin[$0] > margin[$1] : $0 < $1
        }
        for i in order.dropFirst(most) { y[i] = 0 }
      }
      if y.contains(1) {
        for i in 0..<post {
          if y[i] != 0 {
            v[b][i] = cell.resetValue
            silence[b][i] = Int((Double(cell.refractory_s) / dt).rounded())
          } else if cell.silences {
            v[b][i] = cell.rest
          }
        }
      }
      spikes.append(y)
    }
    if learns { learn(x, spikes) }
    return spikes
  }

  private mutating func learn(_ x: [[Float]], _ y: [[Float]]) {
    let rule = linear.rule
    let (pre, post) = (linear.pre, linear.post)
    let (preKinds, postKinds) = (rule.traces(pre: true), rule.traces(pre: false))
    for b in 0..<batch {
      let (oldPre, oldPost) = (preTraces[b], postTraces[b])
      advance(preKinds, &preTraces[b], x[b])
      advance(postKinds, &postTraces[b], y[b])
      defer { previous[b] = (x[b], y[b]) }
      let m = rule.modulator == nil ? [1] : signal?[b]
      guard let m, m[0] != 0 else { continue }
      for term in rule.terms {
        let p = factor(
          term.post, postKinds, now: postTraces[b], before: oldPost, value: y[b],
          previous: previous[b].post)
        let q = factor(
          term.pre, preKinds, now: preTraces[b], before: oldPre, value: x[b],
          previous: previous[b].pre)
        for j in 0...pre where j < pre || rule.learnsBias {
          if term.event == .pre && j < pre && x[b][j] == 0 { continue }
          for i in 0..<post where term.event != .post || y[b][i] != 0 {
            var scaled = term.rate * p[i]
            if term.post == .one { scaled = term.rate }
            if rule.modulator != nil { scaled = scaled * m[0] }
            let sum = weight[j][i] + (j < pre ? q[j] : 1) * scaled
            weight[j][i] = min(max(sum, rule.low), rule.high)
          }
        }
      }
    }
    for b in 0..<batch {
      for i in 0..<post where y[b][i] != 0 { theta[i] += cell.adaptation }
    }
  }
}

/// exp, without Foundation.
func exponential(_ x: Double) -> Double {
  var (sum, term) = (1.0, 1.0)
  // Halved until the series is short, then squared back.
  let small = x / 1024
  for k in 1..<20 {
    term *= small / Double(k)
    sum += term
  }
  for _ in 0..<10 { sum *= sum }
  return sum
}
