import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// What a rule does when frames begin and end: sums of weights are brought to their size, and what
/// a frame added up meets its modulator.
extension Session {
  /// Scales the weights into each output of edges that ask for it, so that they add up to what it
  /// says.
  ///
  /// A frame of `run` begins with this while the session learns; whoever runs steps or events calls
  /// it. Sums are made in the order of the inputs; negative and zero sums are left alone.
  public func normalise() {
    guard let learning = plan.learning else { return }
    for edge in learning.edges {
      guard let wanted = edge.columnSum else { continue }
      let (inputs, stride) = (edge.linear.inputs, edge.linear.stride)
      let weights = weightRows(edge.linear)
      let sums = learningScratch.row.part(edge.gradient, stride)
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

  /// Adds a step's products to what a frame adds up, without the modulator.
  func accumulate(_ edge: LearningEdge, _ b: Int) {
    let linear = edge.linear
    let (inputs, outputs) = (linear.inputs, linear.outputs)
    let size = outputs * edge.eligibleStride
    let eligible = state.row.part(edge.eligible + b * size, size)
    for term in edge.terms where learningScratch[term.active + b] != 0 {
      let p = learningScratch.row.part(term.factors + b * linear.stride, linear.stride)
      let pre = preRow(term.pre, edge, b)
      let x = preRow(.value, edge, b)
      let isOne = if case .one = term.pre { true } else { false }
      for i in 0..<outputs where p[i] != 0 {
        let row = eligible.part(i * edge.eligibleStride, edge.eligibleStride)
        if case .sinceReset(let k) = term.pre {
          sinceReset(edge, k, b, i, p[i], row)
        } else if term.event == .pre || isOne {
          for j in 0..<inputs where term.event != .pre || x[j] != 0 {
            row[j] += p[i] * (isOne ? 1 : pre[j])
          }
        } else {
          PlasticRows.add(pre, times: p[i], to: row.part(0, inputs))
        }
        row[inputs] += p[i]
      }
    }
  }

  private func preRow(_ side: LearningEdge.Side, _ edge: LearningEdge, _ b: Int) -> Row<Float> {
    let stride = edge.inputStride
    switch side {
    case .one, .value, .surrogate:
      return row(plan.slots[edge.input], edge.inputIsDelayed ? -1 : 0, b)
    case .slot(let slot): return row(plan.slots[slot], 0, b)
    case .previous: return state.row.part(edge.previousPre + b * stride, stride)
    case .trace(let i), .sinceReset(let i):
      let trace = edge.preTraces[i]
      return state.row.part(
        trace.state + (b * 2 + (trace.numbers.isDouble ? 1 : 0)) * stride, stride)
    case .before(let i):
      return learningScratch.row.part(edge.preTraces[i].before + b * stride, stride)
    }
  }

  // MARK: Since the last reset

  /// row += p (trace now - what is left of the trace at the cell's last reset).
  private func sinceReset(
    _ edge: LearningEdge, _ k: Int, _ b: Int, _ i: Int, _ p: Float, _ row: Row<Float>
  ) {
    let inputs = edge.linear.inputs
    let numbers = edge.preTraces[k].numbers
    PlasticRows.add(preRow(.sinceReset(k), edge, b), times: p, to: row.part(0, inputs))
    let passed = state[edge.resetSteps + b * edge.linear.stride + i]
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
    let at = edge.snapshots + (b * edge.linear.outputs + i) * edge.inputStride
    PlasticRows.add(state.row.part(at, inputs), times: -p * left, to: row.part(0, inputs))
  }

  /// Keeps the traces as they are when a cell is let go after its spike.
  ///
  /// The number kept for a cell is the steps since it was let go; 0 if it never spiked.
  func keepResets(_ edge: LearningEdge, _ b: Int, _ y: Row<Float>) {
    let stride = edge.linear.stride
    let silence = edge.cell?.layer.numbers.refractorySteps ?? 0
    let countdown = state.row.part(edge.countdown + b * stride, stride)
    let passed = state.row.part(edge.resetSteps + b * stride, stride)
    guard let k = sinceResetTrace(edge) else { return }
    let trace = preRow(.sinceReset(k), edge, b)
    for i in 0..<edge.linear.outputs {
      if passed[i] > 0 { passed[i] += 1 }
      // One more than the steps that are left, so that 0 means that none is awaited.
      if y[i] != 0 {
        countdown[i] = silence + 1
      }
      if countdown[i] > 0 {
        countdown[i] -= 1
        if countdown[i] == 0 {
          let at = edge.snapshots + (b * edge.linear.outputs + i) * edge.inputStride
          state.row.part(at, edge.inputStride).copy(from: trace.part(0, edge.inputStride))
          passed[i] = 1
        }
      }
    }
  }

  private func sinceResetTrace(_ edge: LearningEdge) -> Int? {
    for term in edge.terms {
      if case .sinceReset(let k) = term.pre { return k }
    }
    return nil
  }

  // MARK: The end of a frame

  /// Applies what frames added up, with the modulators as they are now, and forgets it.
  ///
  /// A frame of `run` ends with this while the session learns; whoever runs steps or events calls
  /// it.
  public func consolidate() {
    guard let learning = plan.learning else { return }
    let batch = plan.options.batch
    for edge in learning.edges where edge.application == .frame {
      var isActive = false
      for b in 0..<batch {
        let known = modulateFrame(edge, b)
        isActive = isActive || known
      }
    }
    for edge in learning.edges where edge.application == .frame {
      let work = edge.linear.rows * edge.linear.stride * batch
      if let workers, work > 1 << 17 {
        job = .consolidate(edge)
        workers.run()
        job = .streams
      } else {
        consolidateRows(edge, 0, of: 1)
      }
      let size = edge.linear.outputs * edge.eligibleStride
      state.row.part(edge.eligible, batch * size).fill(0)
    }
  }

  func consolidateRows(_ edge: LearningEdge, _ worker: Int) {
    consolidateRows(edge, worker, of: plan.options.threads)
  }

  private func consolidateRows(_ edge: LearningEdge, _ worker: Int, of threads: Int) {
    let linear = edge.linear
    let rows = linear.inputs + (edge.learnsBias ? 1 : 0)
    let stride = linear.stride
    let delta = learningScratch.row.part(edge.gradient + worker * 2 * stride, stride)
    let size = linear.outputs * edge.eligibleStride
    let share = rows * worker / threads..<rows * (worker + 1) / threads
    for j in share {
      delta.fill(0)
      for b in 0..<plan.options.batch {
        let m = frameFactors(edge, b)
        for i in 0..<linear.outputs where m[i] != 0 {
          delta[i] += m[i] * state[edge.eligible + b * size + i * edge.eligibleStride + j]
        }
      }
      let w = state.row.part(linear.weights + j * stride, stride)
      switch edge.scaling {
      case .none: PlasticRows.add(delta, times: self.rate, to: w, low: edge.low, high: edge.high)
      case .maximum(let decay, let rate):
        PlasticRows.scaleByMaximum(
          w, state.row.part(edge.scales + j * stride, stride), delta, decay: decay,
          rate: rate * self.rate,
          low: edge.low, high: edge.high)
      case .square(let decay, let rate):
        PlasticRows.scaleBySquare(
          w, state.row.part(edge.scales + j * stride, stride), delta, decay: decay,
          rate: rate * self.rate,
          low: edge.low, high: edge.high)
      }
    }
  }

  private func frameFactors(_ edge: LearningEdge, _ b: Int) -> Row<Float> {
    let stride = edge.linear.stride
    let offset = edge.modulator?.factors ?? edge.terms[0].factors
    return learningScratch.row.part(offset + b * stride, stride)
  }

  /// Writes the factors of a frame's end: those of the modulator, or ones.
  private func modulateFrame(_ edge: LearningEdge, _ b: Int) -> Bool {
    let m = frameFactors(edge, b)
    guard let modulator = edge.modulator else {
      m.fill(1)
      return true
    }
    m.fill(0)
    if modulate(modulator, edge, b, m) { return true }
    m.fill(0)
    return false
  }
}
