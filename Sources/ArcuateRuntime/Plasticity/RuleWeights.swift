import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// What a rule does to the rows of weights after a step.
extension PlasticEdge: SharedWork {
  /// Products from which on it is worth sharing the rows out between threads.
  static let worthSharing = 1 << 17

  func change(_ arena: Arena) {
    guard application == .step else { return }
    if let geometry = weights.geometry { return changeKernels(geometry, arena) }
    let work = weights.rows * weights.stride * arena.batch
    if isDense { gatherProducts(arena) }
    guard isDense, let team = arena.team, work > PlasticEdge.worthSharing else {
      return changeRows(0, of: 1, arena)
    }
    team.run(self)
  }

  /// A worker's share of the rows of weights.
  func run(worker: Int, _ arena: Arena) { changeRows(worker, of: arena.size.threads, arena) }

  private func changeRows(_ worker: Int, of threads: Int, _ arena: Arena) {
    let inputs = weights.inputs
    let rows = inputs * worker / threads..<inputs * (worker + 1) / threads
    if isDense {
      for j in rows { changeRow(j, worker, arena) }
      if adaptsBias, worker == threads - 1 { changeRow(inputs, worker, arena) }
    } else {
      for b in 0..<arena.batch {
        for term in terms where isActive(term, b, arena) { changeByEvents(term, b, arena) }
      }
    }
  }

  /// The rows that one term of one stream touches.
  private func changeByEvents(_ term: Term, _ b: Int, _ arena: Arena) {
    let (inputs, outputs, stride) = (weights.inputs, weights.outputs, weights.stride)
    let rows =
      weights.fast == nil
      ? weights.row(arena) : arena.stateRow(weights.fast, inputs * stride, b)
    let p = factors(term, b, arena)
    let isOne = if case .one = term.pre { true } else { false }
    let x = side(term.pre, of: pre, isPre: true, b, arena)
    func add(_ j: Int) {
      let factor = isOne ? 1 : x[j]
      if factor == 0 { return }
      PlasticRows.add(p, times: factor, to: rows.part(j * stride, stride), low: low, high: high)
    }
    switch term.event {
    case .pre:
      let input = arena.slots[pre.slot]
      let shift = pre.isDelayed ? -1 : 0
      let list = arena.list(input, shift, b)
      for e in 0..<Int(arena.nonzero(input, shift, b)[0].count) { add(Int(list[e])) }
    case .post, .step:
      var spikes = 0
      for i in 0..<outputs where p[i] != 0 { spikes += 1 }
      if spikes <= 3 && !isOne {
        for i in 0..<outputs where p[i] != 0 {
          PlasticRows.addColumn(
            x, times: p[i], to: rows, column: i, stride: stride, first: 0, count: inputs,
            low: low, high: high)
        }
      } else {
        for j in 0..<inputs { add(j) }
      }
    }
    if adaptsBias {
      PlasticRows.add(
        p, times: 1, to: weights.row(arena).part(inputs * stride, stride), low: low, high: high)
    }
  }

  /// Puts the sides of every term that acts in this step beside each other, stream by stream.
  private func gatherProducts(_ arena: Arena) {
    let (products, ends) = (arena.plastic.products, arena.plastic.productEnds)
    var count = 0
    for b in 0..<arena.batch {
      ends[b] = count
      for term in terms where isActive(term, b, arena) {
        let own = side(term.pre, of: pre, isPre: true, b, arena)
        let isOne = if case .one = term.pre { true } else { false }
        let x = preRow(b, arena)
        // Without a gate of its own a term that sees ones acts everywhere.
        let gate = term.event == .pre ? x : isOne ? arena.plastic.ones.row : own
        products[count] = PlasticProduct(
          pre: own, gate: gate, isOne: isOne, post: factors(term, b, arena))
        count += 1
      }
    }
    ends[arena.batch] = count
  }

  /// A worker's two rows of scratch.
  private func gradient(_ worker: Int, _ row: Int, _ arena: Arena) -> Row<Float> {
    let stride = weights.stride
    return arena.plastic.factors.row.part(offsets.gradient + (worker * 2 + row) * stride, stride)
  }

  /// One row, every stream and term; the bias is the row behind the inputs.
  private func changeRow(_ j: Int, _ worker: Int, _ arena: Arena) {
    let (inputs, stride) = (weights.inputs, weights.stride)
    let (products, ends) = (arena.plastic.products.row, arena.plastic.productEnds.row)
    let isBias = j == inputs
    let index = isBias ? -1 : j
    let isBounded = low != -.infinity || high != .infinity
    let shared = arena.state.row.part(weights.offset + j * stride, stride)
    if scaling != .none {
      let delta = gradient(worker, 0, arena)
      delta.fill(0)
      PlasticRows.addProducts(products.part(0, ends[arena.batch]), index, to: delta)
      return scale(shared, j, delta, gradient(worker, 1, arena), arena)
    }
    let isFast = weights.fast != nil && !isBias
    if !isFast, !isBounded, decay == .none {
      return PlasticRows.addProducts(products.part(0, ends[arena.batch]), index, to: shared)
    }
    for b in 0..<arena.batch {
      var w = shared
      if let fast = weights.fast, !isBias {
        w = arena.state.row.part(fast + (b * inputs + j) * stride, stride)
      }
      let own = products.part(ends[b], ends[b + 1] - ends[b])
      guard decay != .none, !isBias else {
        for e in 0..<own.count {
          let x = own[e].factor(index)
          if x != 0 { PlasticRows.add(own[e].post, times: x, to: w, low: low, high: high) }
        }
        continue
      }
      guard arena.stepCounts[b] >= UInt64(firstStep) else { continue }
      let (delta, quota) = (gradient(worker, 0, arena), gradient(worker, 1, arena))
      delta.fill(0)
      PlasticRows.addProducts(own, index, to: delta)
      switch decay {
      case .none: break
      case .weight(let rate): quota.fill(rate)
      case .oja(let rate):
        let y = postRow(b, arena)
        PlasticRows.product(y, y, rate, quota)
      }
      PlasticRows.decay(w, by: quota, adding: delta, low: low, high: high)
    }
  }

  /// The kernels that positions share, by every stream and term. One thread: the product of windows
  /// and factors is small beside the step itself.
  private func changeKernels(_ geometry: ConvolutionGeometry, _ arena: Arena) {
    let (inputs, outputs, stride) = (weights.inputs, weights.outputs, weights.stride)
    let positions = weights.positions
    let deltas = arena.plastic.factors.row.part(offsets.kernels ?? 0, weights.rows * stride)
    deltas.fill(0)
    for b in 0..<arena.batch {
      for term in terms where isActive(term, b, arena) {
        let p = factors(term, b, arena)
        let factors = Matrix(p, rows: outputs, columns: positions, rowStride: positions)
        let x = side(term.pre, of: pre, isPre: true, b, arena)
        arena.plastic.matrixProducts[0].multiply(
          weights.windows(x, geometry, 0, arena), factors.transposed,
          into: Matrix(deltas, rows: inputs, columns: outputs, rowStride: stride), adds: true)
        guard adaptsBias else { continue }
        for o in 0..<outputs {
          deltas[inputs * stride + o] += LearningLoops.sum(p.part(o * positions, positions))
        }
      }
    }
    let rows = weights.row(arena)
    for j in 0..<(adaptsBias ? weights.rows : inputs) {
      let (w, delta) = (rows.part(j * stride, stride), deltas.part(j * stride, stride))
      if scaling != .none {
        scale(w, j, delta, gradient(0, 0, arena), arena)
      } else {
        PlasticRows.add(delta, times: 1, to: w, low: low, high: high)
      }
    }
  }

  private func scale(
    _ w: Row<Float>, _ j: Int, _ delta: Row<Float>, _ quota: Row<Float>, _ arena: Arena
  ) {
    let stride = weights.stride
    if case .weight(let rate) = decay, j < weights.inputs {
      quota.fill(rate)
      for i in 0..<stride { w[i] -= quota[i] * w[i] }
    }
    addScaled(w, j, delta, arena)
  }

  /// Adds a change to a row of weights by the scaling of the rule.
  func addScaled(_ w: Row<Float>, _ j: Int, _ delta: Row<Float>, _ arena: Arena) {
    let stride = weights.stride
    guard let scales = offsets.scales else { return }
    let own = arena.state.row.part(scales + j * stride, stride)
    switch scaling {
    case .none: break
    case .maximum(let decay, let rate):
      PlasticRows.scaleByMaximum(
        w, own, delta, decay: decay, rate: rate * arena.adaptationRate, low: low, high: high)
    case .square(let decay, let rate):
      PlasticRows.scaleBySquare(
        w, own, delta, decay: decay, rate: rate * arena.adaptationRate, low: low, high: high)
    }
  }
}
