import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// What rules do when frames begin and end: sums of weights are brought to their size, and what
/// a frame added up meets its modulator.
extension PlasticityPlan {
  /// Scales the weights into each output of edges that ask for it to the sum that their rule wants.
  ///
  /// Numbers. Sums are made in the order of the inputs; negative and zero sums are left alone.
  func normalize(_ arena: Arena) {
    for edge in edges {
      guard let wanted = edge.columnSum else { continue }
      let (inputs, stride) = (edge.weights.inputs, edge.weights.stride)
      let weights = edge.weights.row(arena)
      let sums = arena.plastic.factors.row.part(edge.offsets.gradient, stride)
      sums.fill(0)
      for j in 0..<inputs {
        PlasticRows.add(weights.part(j * stride, stride), times: 1, to: sums)
      }
      for i in 0..<stride { sums[i] = sums[i] > 0 ? wanted / sums[i] : 1 }
      let (low, high) = (edge.low, edge.high)
      for j in 0..<inputs {
        let w = weights.part(j * stride, stride)
        for i in 0..<stride {
          let value = w[i] * sums[i]
          let above = value < low ? low : value
          w[i] = above > high ? high : above
        }
      }
    }
  }

  /// Applies what frames added up, with the modulators as they are now, and clears it.
  func consolidate(_ arena: Arena) {
    for consolidation in consolidations {
      for b in 0..<arena.batch { consolidation.edge.modulateFrame(b, arena) }
    }
    for consolidation in consolidations {
      let edge = consolidation.edge
      let work = edge.weights.rows * edge.weights.stride * arena.batch
      if let team = arena.team, work > PlasticEdge.worthSharing {
        team.run(consolidation)
      } else {
        edge.consolidateRows(0, of: 1, arena)
      }
      guard let eligible = edge.offsets.eligible else { continue }
      let size = edge.weights.outputs * edge.offsets.eligibleStride
      arena.state.row.part(eligible, arena.batch * size).fill(0)
    }
  }
}

/// The end of a frame for one edge, which threads share.
final class PlasticConsolidation: SharedWork, Sendable {
  let edge: PlasticEdge
  init(_ edge: PlasticEdge) { self.edge = edge }

  func run(worker: Int, _ arena: Arena) {
    edge.consolidateRows(worker, of: arena.size.threads, arena)
  }
}

extension PlasticEdge {
  /// Adds a step's products to what a frame adds up, without the modulator.
  func accumulate(_ b: Int, _ arena: Arena) {
    let (inputs, outputs) = (weights.inputs, weights.outputs)
    let eligible = arena.stateRow(offsets.eligible, outputs * offsets.eligibleStride, b)
    for term in terms where isActive(term, b, arena) {
      let p = arena.plastic.factors.row.part(term.factors + b * weights.stride, weights.stride)
      let own = side(term.pre, of: pre, isPre: true, b, arena)
      let x = preRow(b, arena)
      let isOne = if case .one = term.pre { true } else { false }
      for i in 0..<outputs where p[i] != 0 {
        let row = eligible.part(i * offsets.eligibleStride, offsets.eligibleStride)
        if case .sinceReset(let k) = term.pre {
          addSinceReset(k, b, i, p[i], row, arena)
        } else if term.event == .pre || isOne {
          for j in 0..<inputs where term.event != .pre || x[j] != 0 {
            row[j] += p[i] * (isOne ? 1 : own[j])
          }
        } else {
          PlasticRows.add(own, times: p[i], to: row.part(0, inputs))
        }
        row[inputs] += p[i]
      }
    }
  }

  // MARK: Since the last reset

  /// row += p (trace now - what is left of the trace at the cell's last reset).
  private func addSinceReset(
    _ k: Int, _ b: Int, _ i: Int, _ p: Float, _ row: Row<Float>, _ arena: Arena
  ) {
    guard let resets = offsets.resets else { return }
    let inputs = weights.inputs
    let numbers = pre.traces[k].numbers
    PlasticRows.add(
      side(.sinceReset(k), of: pre, isPre: true, b, arena), times: p, to: row.part(0, inputs))
    let passed = arena.state[resets.passed + b * weights.stride + i]
    guard passed > 0 else { return }
    var left: Float = 1
    let decay = numbers.isDouble ? numbers.secondDecay : numbers.decay
    // A power by multiplication, the same on every machine; after this many steps nothing is left.
    // A restored state may hold anything.
    var steps = passed < 4096 ? Int(passed) : 4096
    var factor = decay
    while steps > 0 {
      if steps & 1 != 0 { left *= factor }
      factor *= factor
      steps >>= 1
    }
    let at = resets.snapshots + (b * weights.outputs + i) * pre.stride
    PlasticRows.add(
      arena.state.row.part(at, inputs), times: -p * left, to: row.part(0, inputs))
  }

  /// Keeps the traces as they are when a cell's silence after its spike ends.
  ///
  /// The number kept for a cell is the steps since then; 0 if it never spiked.
  func keepResets(_ b: Int, _ y: Row<Float>, _ arena: Arena) {
    guard let resets = offsets.resets else { return }
    let stride = weights.stride
    let silence = resets.silence.map { $0.row(b, stride, arena) }
    let countdown = arena.state.row.part(resets.countdown + b * stride, stride)
    let passed = arena.state.row.part(resets.passed + b * stride, stride)
    guard let k = sinceResetTrace else { return }
    let trace = side(.sinceReset(k), of: pre, isPre: true, b, arena)
    for i in 0..<weights.outputs {
      if passed[i] > 0 { passed[i] += 1 }
      // The remaining steps plus one; 0 means that the countdown is not running.
      if y[i] != 0 { countdown[i] = (silence?[i] ?? 0) + 1 }
      if countdown[i] > 0 {
        countdown[i] -= 1
        if countdown[i] == 0 {
          let at = resets.snapshots + (b * weights.outputs + i) * pre.stride
          arena.state.row.part(at, pre.stride).copy(from: trace.part(0, pre.stride))
          passed[i] = 1
        }
      }
    }
  }

  private var sinceResetTrace: Int? {
    for term in terms {
      if case .sinceReset(let k) = term.pre { return k }
    }
    return nil
  }

  // MARK: The end of a frame

  fileprivate func consolidateRows(_ worker: Int, of threads: Int, _ arena: Arena) {
    guard let eligible = offsets.eligible else { return }
    let rows = weights.inputs + (adaptsBias ? 1 : 0)
    let stride = weights.stride
    let delta = arena.plastic.factors.row.part(offsets.gradient + worker * 2 * stride, stride)
    let size = weights.outputs * offsets.eligibleStride
    for j in rows * worker / threads..<rows * (worker + 1) / threads {
      delta.fill(0)
      for b in 0..<arena.batch {
        let m = frameFactors(b, arena)
        for i in 0..<weights.outputs where m[i] != 0 {
          delta[i] += m[i] * arena.state[eligible + b * size + i * offsets.eligibleStride + j]
        }
      }
      let w = arena.state.row.part(weights.offset + j * stride, stride)
      if scaling == .none {
        PlasticRows.add(delta, times: arena.adaptationRate, to: w, low: low, high: high)
      } else {
        addScaled(w, j, delta, arena)
      }
    }
  }

  private func frameFactors(_ b: Int, _ arena: Arena) -> Row<Float> {
    let stride = weights.stride
    let offset = modulator?.factors ?? terms[0].factors
    return arena.plastic.factors.row.part(offset + b * stride, stride)
  }

  /// Writes the factors of a frame's end: those of the modulator, or ones.
  fileprivate func modulateFrame(_ b: Int, _ arena: Arena) {
    let m = frameFactors(b, arena)
    guard let modulator else { return m.fill(1) }
    m.fill(0)
    if !modulate(modulator, b, m, arena) { m.fill(0) }
  }
}
