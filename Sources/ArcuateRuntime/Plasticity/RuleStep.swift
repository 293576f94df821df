import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// What changes weights after each step, in this order: traces, modulators and factors of every
/// stream and term; then the rows of weights, shared out between the threads. Each weight sees
/// streams and terms in the same order however the work is shared or gone through.
extension Session {
  /// Learns from the one step of the block that has just run.
  func learn() {
    guard let learning = plan.learning else { return }
    for edge in learning.edges {
      for b in 0..<plan.options.batch { prepare(edge, b) }
      change(edge)
      if edge.previousPre >= 0 || edge.previousPost >= 0 {
        for b in 0..<plan.options.batch { remember(edge, b) }
      }
    }
    for (index, cell) in learning.cells { adapt(index, cell) }
  }

  // MARK: Factors

  @inline(__always)
  private func scratch(_ offset: Int, _ count: Int) -> Row<Float> {
    learningScratch.row.part(offset, count)
  }

  private func inputRow(_ edge: LearningEdge, _ b: Int) -> Row<Float> {
    row(plan.slots[edge.input], edge.inputIsDelayed ? -1 : 0, b)
  }

  private func postRow(_ edge: LearningEdge, _ b: Int) -> Row<Float> {
    row(plan.slots[edge.post], 0, b)
  }

  @inline(__always)
  private func traceRow(
    _ trace: LearningEdge.TraceRows, _ b: Int, _ stride: Int, second: Bool
  ) -> Row<Float> {
    state.row.part(trace.state + (b * 2 + (second ? 1 : 0)) * stride, stride)
  }

  /// The row of one side of a term.
  private func side(
    _ side: LearningEdge.Side, _ edge: LearningEdge, pre: Bool, _ b: Int
  ) -> Row<Float> {
    let stride = pre ? edge.inputStride : edge.postStride
    let traces = pre ? edge.preTraces : edge.postTraces
    switch side {
    case .one, .value, .surrogate: return pre ? inputRow(edge, b) : postRow(edge, b)
    case .previous:
      return state.row.part((pre ? edge.previousPre : edge.previousPost) + b * stride, stride)
    case .trace(let i), .sinceReset(let i):
      return traceRow(traces[i], b, stride, second: traces[i].numbers.isDouble)
    case .before(let i): return scratch(traces[i].before + b * stride, stride)
    case .slot(let slot): return row(plan.slots[slot], 0, b)
    }
  }

  private func advance(
    _ traces: [LearningEdge.TraceRows], _ x: Row<Float>, _ count: Int, _ b: Int, _ stride: Int
  ) {
    for trace in traces {
      let first = traceRow(trace, b, stride, second: false)
      let second = traceRow(trace, b, stride, second: true)
      if trace.before >= 0 {
        scratch(trace.before + b * stride, stride).copy(
          from: trace.numbers.isDouble ? second : first)
      }
      trace.numbers.step(x, first: first, second: second, count: count)
    }
  }

  private func prepare(_ edge: LearningEdge, _ b: Int) {
    let stride = edge.postStride
    let y = postRow(edge, b)
    advance(edge.preTraces, inputRow(edge, b), edge.inputCount, b, edge.inputStride)
    advance(edge.postTraces, y, edge.postCount, b, stride)
    var isActive = stepCounts[b] >= UInt64(edge.firstStep)
    var modulating: Row<Float>?
    if isActive, edge.application == .step, let modulator = edge.modulator {
      let m = scratch(modulator.factors + b * stride, stride)
      isActive = modulate(modulator, edge, b, m)
      modulating = m
    }
    for term in edge.terms {
      let p = scratch(term.factors + b * stride, stride)
      let active = scratch(term.active + b, 1)
      active[0] = 0
      guard isActive else { continue }
      // A scaling brings its own rate; sums of a frame are rated when it ends.
      let rate =
        edge.scaling == .none && edge.application == .step ? term.rate * self.rate : term.rate
      switch term.post {
      case .one: p.fill(rate)
      case .surrogate(let surrogate):
        guard let cell = edge.cell else { continue }
        let margin = cellRows(cell, b).margin
        for i in 0..<edge.postCount { p[i] = rate * surrogate.derivative(margin[i]) }
      default: PlasticRows.scale(side(term.post, edge, pre: false, b), rate, p)
      }
      if let modulating { PlasticRows.product(p, modulating, 1, p) }
      if term.event == .post { PlasticRows.mask(p, where: y) }
      // What pads the row stays silent.
      for i in edge.postCount..<stride { p[i] = 0 }
      active[0] = PlasticRows.isActive(p) ? 1 : 0
    }
    if edge.application == .frame, isActive { accumulate(edge, b) }
    if edge.snapshots >= 0 { keepResets(edge, b, y) }
  }

  /// Writes the third factor; false where it is nothing for all.
  func modulate(
    _ modulator: LearningEdge.Modulator, _ edge: LearningEdge, _ b: Int, _ m: Row<Float>
  ) -> Bool {
    let width = modulator.width
    let numbers = scratch(modulator.numbers + b * modulator.numbersStride, width)
    func given(_ i: Int) -> Row<Float>? {
      let signal = plan.learning!.signals[i]
      guard state[signal.given + b] != 0 else { return nil }
      return state.row.part(signal.state + b * signal.stride, width)
    }
    switch modulator.source {
    case .signal(let i):
      guard let values = given(i) else { return false }
      numbers.copy(from: values)
    case .slot(let slot): numbers.copy(from: row(plan.slots[slot], 0, b).part(0, width))
    case .error(let slot, let teacher):
      guard let values = given(teacher) else { return false }
      let answer = row(plan.slots[slot], 0, b)
      for k in 0..<width { numbers[k] = values[k] - answer[k] }
    }
    var isSilent = true
    for k in 0..<width {
      var value = numbers[k]
      if abs(value) <= modulator.deadZone { value = 0 }
      if value > modulator.limit { value = modulator.limit }
      if value < -modulator.limit { value = -modulator.limit }
      value *= modulator.scale
      numbers[k] = value
      if value != 0 { isSilent = false }
    }
    if isSilent { return false }
    let outputs = edge.postCount
    switch modulator.map {
    case .all: m.fill(numbers[0])
    case .each: for i in 0..<outputs { m[i] = numbers[i] }
    case .compartments(let places): for i in 0..<outputs { m[i] = numbers[Int(places[i])] }
    case .matrix(let matrix):
      m.fill(0)
      for k in 0..<width where numbers[k] != 0 {
        PlasticRows.add(matrix.row.part(k * m.count, m.count), times: numbers[k], to: m)
      }
    case .transpose(let weights):
      let rows = weightRows(weights)
      for i in 0..<outputs {
        let row = rows.part(i * weights.stride, width)
        var sum: Float = 0
        for k in 0..<width { sum += row[k] * numbers[k] }
        m[i] = sum
      }
    }
    return true
  }

  private func remember(_ edge: LearningEdge, _ b: Int) {
    if edge.previousPre >= 0 {
      state.row.part(edge.previousPre + b * edge.inputStride, edge.inputStride).copy(
        from: inputRow(edge, b).part(0, edge.inputStride))
    }
    if edge.previousPost >= 0 {
      let stride = edge.postStride
      state.row.part(edge.previousPost + b * stride, stride).copy(
        from: postRow(edge, b).part(0, stride))
    }
  }

  private func adapt(_ index: Int, _ cell: PackedCell) {
    let output = plan.slots[plan.steps[index].output]
    let theta = state.row.part(cell.theta, cell.stride)
    if cell.thetaDecay != 1 { PlasticRows.scale(theta, cell.thetaDecay, theta) }
    guard cell.adaptation != 0 else { return }
    for b in 0..<plan.options.batch {
      let list = list(output, 0, b)
      for e in 0..<Int(nonzero(output, 0, b)[0].count) { theta[Int(list[e])] += cell.adaptation }
    }
  }

  // MARK: Weights

  /// Products from which on sharing the rows out is worth a meeting of the threads.
  private static let worthSharing = 1 << 17

  private func change(_ edge: LearningEdge) {
    guard edge.application == .step else { return }
    if let geometry = edge.linear.geometry { return changeKernels(edge, geometry) }
    let work = (edge.linear.inputs + 1) * edge.linear.stride * plan.options.batch
    if edge.isDense { gatherProducts(edge) }
    guard edge.isDense, let workers, work > Session.worthSharing else {
      return changeRows(edge, 0, of: 1)
    }
    job = .learn(edge)
    workers.run()
    job = .streams
  }

  func changeRows(_ edge: LearningEdge, _ worker: Int) {
    changeRows(edge, worker, of: plan.options.threads)
  }

  private func changeRows(_ edge: LearningEdge, _ worker: Int, of threads: Int) {
    let inputs = edge.linear.inputs
    let rows = inputs * worker / threads..<inputs * (worker + 1) / threads
    if edge.isDense {
      for j in rows { changeRow(edge, j, worker) }
      if edge.learnsBias, worker == threads - 1 { changeRow(edge, inputs, worker) }
    } else {
      for b in 0..<plan.options.batch {
        for term in edge.terms where learningScratch[term.active + b] != 0 {
          changeByEvents(edge, term, b)
        }
      }
    }
  }

  /// The rows that one term of one stream touches.
  private func changeByEvents(_ edge: LearningEdge, _ term: LearningEdge.Term, _ b: Int) {
    let linear = edge.linear
    let (inputs, stride) = (linear.inputs, linear.stride)
    let weights =
      linear.fast >= 0
      ? state.row.part(linear.fast + b * inputs * stride, inputs * stride) : weightRows(linear)
    let p = scratch(term.factors + b * stride, stride)
    let isOne = if case .one = term.pre { true } else { false }
    let pre = side(term.pre, edge, pre: true, b)
    let (low, high) = (edge.low, edge.high)
    let input = plan.slots[edge.input]
    let shift = edge.inputIsDelayed ? -1 : 0
    switch term.event {
    case .pre:
      let list = list(input, shift, b)
      for e in 0..<Int(nonzero(input, shift, b)[0].count) {
        let j = Int(list[e])
        let x = isOne ? 1 : pre[j]
        if x == 0 { continue }
        PlasticRows.add(p, times: x, to: weights.part(j * stride, stride), low: low, high: high)
      }
    case .post, .step:
      var spikes = 0
      for i in 0..<linear.outputs where p[i] != 0 { spikes += 1 }
      if spikes <= 3 && !isOne {
        for i in 0..<linear.outputs where p[i] != 0 {
          PlasticRows.addColumn(
            pre, times: p[i], to: weights, column: i, stride: stride, first: 0, count: inputs,
            low: low, high: high)
        }
      } else {
        for j in 0..<inputs {
          let x = isOne ? 1 : pre[j]
          if x == 0 { continue }
          PlasticRows.add(p, times: x, to: weights.part(j * stride, stride), low: low, high: high)
        }
      }
    }
    if edge.learnsBias {
      PlasticRows.add(
        p, times: 1, to: weightRows(linear).part(inputs * stride, stride), low: low, high: high)
    }
  }

  /// Puts the sides of every term that acts in this step beside each other, stream by stream.
  private func gatherProducts(_ edge: LearningEdge) {
    let stride = edge.linear.stride
    var count = 0
    for b in 0..<plan.options.batch {
      productEnds[b] = count
      for term in edge.terms where learningScratch[term.active + b] != 0 {
        let pre = side(term.pre, edge, pre: true, b)
        let isOne = if case .one = term.pre { true } else { false }
        let x = inputRow(edge, b)
        // Without a gate of its own a term that sees ones acts everywhere.
        let gate = term.event == .pre ? x : isOne ? learningOnes.row : pre
        products[count] = PlasticProduct(
          pre: pre, gate: gate, isOne: isOne, post: scratch(term.factors + b * stride, stride))
        count += 1
      }
    }
    productEnds[plan.options.batch] = count
  }

  /// One row, every stream and term; the bias is the row behind the inputs.
  private func changeRow(_ edge: LearningEdge, _ j: Int, _ worker: Int) {
    let linear = edge.linear
    let (inputs, stride) = (linear.inputs, linear.stride)
    let isBias = j == inputs
    let place = isBias ? -1 : j
    let (low, high) = (edge.low, edge.high)
    let isBounded = low != -.infinity || high != .infinity
    let shared = state.row.part(linear.weights + j * stride, stride)
    if edge.scaling != .none {
      let delta = scratch(edge.gradient + worker * 2 * stride, stride)
      delta.fill(0)
      PlasticRows.addProducts(
        products.row.part(0, productEnds[plan.options.batch]), place, to: delta)
      return scale(
        edge, shared, j, delta, scratch(edge.gradient + (worker * 2 + 1) * stride, stride))
    }
    let isFast = linear.fast >= 0 && !isBias
    if !isFast, !isBounded, edge.decay == .none {
      return PlasticRows.addProducts(
        products.row.part(0, productEnds[plan.options.batch]), place, to: shared)
    }
    for b in 0..<plan.options.batch {
      let w =
        isFast ? state.row.part(linear.fast + (b * inputs + j) * stride, stride) : shared
      let own = products.row.part(productEnds[b], productEnds[b + 1] - productEnds[b])
      guard edge.decay != .none, !isBias else {
        for e in 0..<own.count {
          let x = own[e].factor(place)
          if x != 0 { PlasticRows.add(own[e].post, times: x, to: w, low: low, high: high) }
        }
        continue
      }
      guard stepCounts[b] >= UInt64(edge.firstStep) else { continue }
      let delta = scratch(edge.gradient + worker * 2 * stride, stride)
      let quota = scratch(edge.gradient + (worker * 2 + 1) * stride, stride)
      delta.fill(0)
      PlasticRows.addProducts(own, place, to: delta)
      switch edge.decay {
      case .none: break
      case .weight(let rate): quota.fill(rate)
      case .oja(let rate):
        let y = postRow(edge, b)
        PlasticRows.product(y, y, rate, quota)
      }
      PlasticRows.decay(w, by: quota, adding: delta, low: low, high: high)
    }
  }

  /// The kernels that positions share, by every stream and term. One thread: the product of windows
  /// and factors is small beside the step itself.
  private func changeKernels(_ edge: LearningEdge, _ geometry: ConvolutionGeometry) {
    let linear = edge.linear
    let (inputs, stride) = (linear.inputs, linear.stride)
    let deltas = scratch(edge.kernels, linear.rows * stride)
    deltas.fill(0)
    for b in 0..<plan.options.batch {
      for term in edge.terms where learningScratch[term.active + b] != 0 {
        let p = scratch(term.factors + b * edge.postStride, edge.postStride)
        let factors = Matrix(
          p, rows: linear.outputs, columns: linear.positions, rowStride: linear.positions)
        kernelProducts[0].multiply(
          windows(side(term.pre, edge, pre: true, b), linear, geometry, 0), factors.transposed,
          into: Matrix(deltas, rows: inputs, columns: linear.outputs, rowStride: stride),
          adds: true)
        guard edge.learnsBias else { continue }
        for o in 0..<linear.outputs {
          deltas[inputs * stride + o] += LearningLoops.sum(
            p.part(o * linear.positions, linear.positions))
        }
      }
    }
    let weights = weightRows(linear)
    for j in 0..<(edge.learnsBias ? linear.rows : inputs) {
      let (w, delta) = (weights.part(j * stride, stride), deltas.part(j * stride, stride))
      if edge.scaling != .none {
        scale(edge, w, j, delta, scratch(edge.gradient, stride))
      } else {
        PlasticRows.add(delta, times: 1, to: w, low: edge.low, high: edge.high)
      }
    }
  }

  private func scale(
    _ edge: LearningEdge, _ w: Row<Float>, _ j: Int, _ delta: Row<Float>, _ quota: Row<Float>
  ) {
    let stride = edge.linear.stride
    if case .weight(let rate) = edge.decay, j < edge.linear.inputs {
      quota.fill(rate)
      for i in 0..<stride { w[i] -= quota[i] * w[i] }
    }
    let scales = state.row.part(edge.scales + j * stride, stride)
    switch edge.scaling {
    case .none: break
    case .maximum(let decay, let rate):
      PlasticRows.scaleByMaximum(
        w, scales, delta, decay: decay, rate: rate * self.rate, low: edge.low, high: edge.high)
    case .square(let decay, let rate):
      PlasticRows.scaleBySquare(
        w, scales, delta, decay: decay, rate: rate * self.rate, low: edge.low, high: edge.high)
    }
  }
}
