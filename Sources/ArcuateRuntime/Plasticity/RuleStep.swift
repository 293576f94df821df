import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// What a rule does after a step, before any weight changes: traces, modulators and factors.
extension PlasticEdge {
  func adapt(_ arena: Arena) {
    for b in 0..<arena.batch { prepare(b, arena) }
    change(arena)
    if pre.previous != nil || post.previous != nil {
      for b in 0..<arena.batch { remember(b, arena) }
    }
  }

  func preRow(_ b: Int, _ arena: Arena) -> Row<Float> {
    arena.row(arena.slots[pre.slot], pre.isDelayed ? -1 : 0, b)
  }

  func postRow(_ b: Int, _ arena: Arena) -> Row<Float> {
    arena.row(arena.slots[post.slot], 0, b)
  }

  @inline(__always)
  private func traceRow(
    _ trace: TraceRows, _ b: Int, _ stride: Int, second: Bool, _ arena: Arena
  ) -> Row<Float> {
    arena.state.row.part(trace.state + (b * 2 + (second ? 1 : 0)) * stride, stride)
  }

  /// The factors of a term, one for each output.
  func factors(_ term: Term, _ b: Int, _ arena: Arena) -> Row<Float> {
    arena.plastic.factors.row.part(term.factors + b * post.stride, post.stride)
  }

  /// Whether any factor of a term is not 0.
  func isActive(_ term: Term, _ b: Int, _ arena: Arena) -> Bool {
    arena.plastic.factors.row[term.active + b] != 0
  }

  /// The row of one side of a term.
  func side(_ side: Side, of rows: SideRows, isPre: Bool, _ b: Int, _ arena: Arena) -> Row<Float> {
    let stride = rows.stride
    switch side {
    case .one, .value, .surrogate: return isPre ? preRow(b, arena) : postRow(b, arena)
    case .previous: return arena.stateRow(rows.previous, stride, b)
    case .trace(let i), .sinceReset(let i):
      let trace = rows.traces[i]
      return traceRow(trace, b, stride, second: trace.numbers.isDouble, arena)
    case .before(let i):
      return arena.plastic.factors.row.part((rows.traces[i].before ?? 0) + b * stride, stride)
    case .slot(let slot): return arena.row(arena.slots[slot], 0, b)
    case .state(let states): return states.row(b, stride, arena)
    }
  }

  private func advance(_ rows: SideRows, _ x: Row<Float>, _ b: Int, _ arena: Arena) {
    let stride = rows.stride
    for trace in rows.traces {
      let first = traceRow(trace, b, stride, second: false, arena)
      let second = traceRow(trace, b, stride, second: true, arena)
      if let before = trace.before {
        arena.plastic.factors.row.part(before + b * stride, stride).copy(
          from: trace.numbers.isDouble ? second : first)
      }
      trace.numbers.step(x, first: first, second: second, count: rows.count)
    }
  }

  private func prepare(_ b: Int, _ arena: Arena) {
    let stride = post.stride
    let y = postRow(b, arena)
    advance(pre, preRow(b, arena), b, arena)
    advance(post, y, b, arena)
    var isActive = arena.stepCounts[b] >= UInt64(firstStep)
    var modulating: Row<Float>?
    if isActive, application == .step, let modulator {
      let m = arena.plastic.factors.row.part(modulator.factors + b * stride, stride)
      isActive = modulate(modulator, b, m, arena)
      modulating = m
    }
    for term in terms {
      let p = factors(term, b, arena)
      let active = arena.plastic.factors.row.part(term.active + b, 1)
      active[0] = 0
      guard isActive else { continue }
      // A scaling brings its own rate; sums of a frame are rated when it ends.
      let rate =
        scaling == .none && application == .step ? term.rate * arena.adaptationRate : term.rate
      switch term.post {
      case .one: p.fill(rate)
      case .surrogate(let surrogate, let states):
        let margin = states.row(b, stride, arena)
        for i in 0..<post.count { p[i] = rate * surrogate.derivative(margin[i]) }
      case .value, .previous, .trace, .before, .sinceReset, .slot, .state:
        PlasticRows.scale(side(term.post, of: post, isPre: false, b, arena), rate, p)
      }
      if let modulating { PlasticRows.product(p, modulating, 1, p) }
      if term.event == .post { PlasticRows.mask(p, where: y) }
      // What pads the row stays silent.
      for i in post.count..<stride { p[i] = 0 }
      active[0] = PlasticRows.isActive(p) ? 1 : 0
    }
    if application == .frame, isActive { accumulate(b, arena) }
    if offsets.resets != nil { keepResets(b, y, arena) }
  }

  /// Writes the third factor; false where it is nothing for all.
  func modulate(_ modulator: Modulator, _ b: Int, _ m: Row<Float>, _ arena: Arena) -> Bool {
    let width = modulator.width
    let numbers = arena.plastic.factors.row.part(
      modulator.numbers + b * modulator.numbersStride, width)
    func given(_ rows: PlasticSignal.Rows) -> Row<Float>? {
      guard arena.state[rows.given + b] != 0 else { return nil }
      return arena.state.row.part(rows.state + b * rows.stride, width)
    }
    switch modulator.source {
    case .signal(let rows):
      guard let values = given(rows) else { return false }
      numbers.copy(from: values)
    case .slot(let slot):
      numbers.copy(from: arena.row(arena.slots[slot], 0, b).part(0, width))
    case .error(let slot, let teacher):
      guard let values = given(teacher) else { return false }
      let output = arena.row(arena.slots[slot], 0, b)
      for k in 0..<width { numbers[k] = values[k] - output[k] }
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
    let outputs = post.count
    switch modulator.map {
    case .all: m.fill(numbers[0])
    case .each: for i in 0..<outputs { m[i] = numbers[i] }
    case .compartments(let indices): for i in 0..<outputs { m[i] = numbers[Int(indices[i])] }
    case .matrix(let matrix):
      m.fill(0)
      for k in 0..<width where numbers[k] != 0 {
        PlasticRows.add(matrix.row.part(k * m.count, m.count), times: numbers[k], to: m)
      }
    case .transpose(let weights):
      let rows = weights.row(arena)
      for i in 0..<outputs {
        let row = rows.part(i * weights.stride, width)
        var sum: Float = 0
        for k in 0..<width { sum += row[k] * numbers[k] }
        m[i] = sum
      }
    }
    return true
  }

  private func remember(_ b: Int, _ arena: Arena) {
    if let previous = pre.previous {
      arena.stateRow(previous, pre.stride, b).copy(from: preRow(b, arena).part(0, pre.stride))
    }
    if let previous = post.previous {
      arena.stateRow(previous, post.stride, b).copy(from: postRow(b, arena).part(0, post.stride))
    }
  }
}
