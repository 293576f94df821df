import ArcuateCore
import ArcuateKernels
import ArcuateModel

extension Linear {
  /// Throws. `outOfMemory`.
  func packed(_ packing: NodePacking) throws(ArcuateError) -> any NodeRun {
    let rank = weight.shape.rank
    let post = weight.shape[rank - 2]
    let pre = weight.shape[rank - 1]
    let parts = post == 0 ? 0 : packing.shape.count / post
    let bias = bias?.floats ?? [0]
    let matrices = pre * post == 0 ? 1 : weight.count / (pre * post)
    let packed = try (0..<matrices).map { m throws(ArcuateError) in
      let own: [Float] =
        bias.count == 1
        ? [Float](repeating: bias[0], count: post)
        : bias.count == post ? bias : Array(bias[m * post..<(m + 1) * post])
      return try LinearWeights(
        weight: weight, matrix: m, bias: own, inputs: pre, outputs: post)
    }
    guard parts == 1 else { return PositionwiseLinearNode(packed, parts: parts) }
    return LinearNode(packed[0], isFast: packing.common.isFast)
  }
}

/// y = W x + b: rows with few and equal spikes share the weights, those with many other inputs go
/// through all of them.
final class LinearNode: NodeRun, SharedWork {
  let weights: LinearWeights
  /// Whether products and sums may be fused.
  let isFast: Bool
  /// Non-zero inputs above which a row takes the dense kernel.
  let limit: Int32
  let fanOut: FanOut
  let kernels: [Kernel]
  let reason: String

  let stateCount = 0
  let scratchCount = 0
  let isStateless = true
  let inputUse = InputUse.sum
  let listUse: ListUse = [.needed, .sufficient, .anyZeroSign]
  let emission = Emission.values

  /// Fraction of non-zero inputs above which a row takes the dense kernel: it reads every weight
  /// once for four rows, where the other reads those of non-zero inputs for one.
  static let denseFraction = 0.35

  init(_ weights: LinearWeights, isFast: Bool) {
    self.weights = weights
    self.isFast = isFast
    limit = Int32(Double(weights.inputs) * LinearNode.denseFraction)
    fanOut = FanOut(PositionwiseLinearNode.fanOut([weights], parts: 1))
    let dense: Kernel.LinearStrategy = isFast ? .denseFused : .dense
    let shares = weights.gainsFromMeeting
    let tiled = SpikeRows.takesTiles(weights.kind, anyOrder: isFast)
    let shared: [Kernel.LinearStrategy] = shares ? (tiled ? [.tiles] : []) + [.many, .shared] : []
    kernels = (shared + [.events, dense]).map { .linear($0, weights.kind) }
    reason =
      "by events below \(Int(LinearNode.denseFraction * 100)) % non-zero inputs, dense above"
      + (shares ? "; several rows of spikes together" : "")
      + (shares && tiled ? ", many with many ones as tiles" : "")
  }

  var byteCount: Int { weights.byteCount }
  var weightByteCount: Int { weights.kind.byteCount }
  var inputCount: Int? { weights.inputs }

  func cost(inputs: Int, outputs: Int) -> Double { Double(work) / 16 * 0.1 + 40 }
  /// Products of a row.
  var work: Int { weights.inputs * weights.stride }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    let shift = step.inputShift
    let (steps, streams, worker) = (window.steps, window.streams, window.worker)
    let sharesRows = steps.count * streams.count > 1 && weights.gainsFromMeeting
    // One row alone on one thread is soon done: making a `Product` of it is measurable.
    let isAlone = !arena.sharesLayers
    var spikes = arena.spikeRows[worker]
    func flush() {
      guard spikes.rows > 0 else { return }
      let field: CounterField =
        switch spikes.strategy(weights) {
        case .tiles: .tiledRows
        case .many: .manyRows
        case .events, .shared, .dense, .denseFused: .sharedRows
        }
      for r in 0..<spikes.rows { arena.count(field, step.index, spikes.owner(r), 1) }
      spikes.batches(weights, lists: arena.lists.row) { batch in
        multiply(
          Product(
            weights: weights, inputs: .spikes(batch), output: arena.values.row,
            work: batch.spikes * weights.stride), worker, arena)
      }
      spikes.clear()
    }
    for t in steps {
      var b = streams.lowerBound
      while b < streams.upperBound {
        let found = arena.nonzero(input, t + shift, b)[0]
        let inputRow = arena.rowIndex(input, t + shift, b)
        let from = input.values + inputRow * input.stride
        let to = output.values + arena.rowIndex(output, t, b) * output.stride
        // Dense rows that follow one another share a pass over the weights.
        var end = b + 1
        if found.count > limit {
          while end < streams.upperBound, end - b < 4,
            arena.nonzero(input, t + shift, end)[0].count > limit
          { end += 1 }
          let rows = end - b
          for r in b..<end { arena.fillRow(input, t + shift, r) }
          multiply(
            Product(
              weights: weights,
              inputs: .dense(
                arena.values.row.part(from, rows * input.stride), stride: input.stride,
                rows: rows, fused: isFast),
              output: arena.values.row.part(to, rows * output.stride),
              work: rows * weights.inputs * weights.stride), worker, arena)
          for r in b..<end { arena.count(.denseRows, step.index, r, 1) }
        } else if sharesRows && found.unit != 0 {
          spikes.add(
            listStart: input.lists + inputRow * input.stride, count: Int(found.count), offset: to,
            owner: b)
          if spikes.isFull { flush() }
        } else {
          let (numbers, sums) = (
            arena.values.row.part(from, input.stride), arena.values.row.part(to, output.stride)
          )
          let list = arena.list(input, t + shift, b)
          if isAlone {
            weights.applyEvents(
              input: numbers, list: list, nonzero: found, output: sums, first: 0,
              count: weights.stride)
          } else {
            multiply(
              Product(
                weights: weights, inputs: .events(numbers, list: list, nonzero: found),
                output: sums, work: Int(found.count) * weights.stride), worker, arena)
          }
        }
        for r in b..<end { step.countSynapses(input, t + shift, r, arena) }
        b = end
      }
    }
    flush()
  }

  /// Runs a product here, or, where streams are not shared out and the work is worth it, in
  /// shares of its outputs on all threads.
  private func multiply(_ product: Product, _ worker: Int, _ arena: Arena) {
    let stride = product.weights.stride
    guard arena.sharesLayers, let team = arena.team, arena.batch == 1,
      stride >= 64 * arena.size.threads, product.work > 1 << 17
    else { return product.run(first: 0, count: stride, scratch: arena.spikeRows[worker]) }
    arena.product = product
    team.run(self)
    arena.product = nil
  }

  /// A worker's share of a product.
  func run(worker: Int, _ arena: Arena) {
    guard let product = arena.product else { return }
    let share = weights.share(of: worker, among: arena.size.threads)
    product.run(first: share.first, count: share.count, scratch: arena.spikeRows[worker])
  }
}

/// One matrix for all leading positions of the input, or one for each.
final class PositionwiseLinearNode: NodeRun {
  let matrices: [LinearWeights]
  /// Leading positions of the input.
  let parts: Int
  let fanOut: FanOut
  let kernels: [Kernel]

  let stateCount = 0
  let scratchCount = 0
  let isStateless = true
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.values

  init(_ matrices: [LinearWeights], parts: Int) {
    self.matrices = matrices
    self.parts = parts
    fanOut = FanOut(PositionwiseLinearNode.fanOut(matrices, parts: parts))
    kernels = [.linear(.events, matrices.first?.kind ?? .float32)]
  }

  var byteCount: Int { matrices.reduce(0) { $0 + $1.byteCount } }
  var weightByteCount: Int { matrices.first?.kind.byteCount ?? 4 }
  var inputCount: Int? { parts * (matrices.first?.inputs ?? 0) }
  var reason: String { "\(parts) leading positions, one after another" }

  static func fanOut(
    _ matrices: [LinearWeights], parts: Int
  ) -> (perInput: [UInt32], dense: UInt64) {
    guard let first = matrices.first, first.inputs > 0, first.outputs > 0 else { return ([], 0) }
    let each = matrices.map(\.nonzeroPerInput)
    let fan = (0..<parts).flatMap { each[each.count == 1 ? 0 : $0] }
    return (fan, UInt64(parts * first.inputs * first.outputs))
  }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let (input, output) = (arena.slots[step.inputSlot], arena.slots[step.output])
    let part = arena.temporary(window.worker)
    let sums = arena.temporaryOutput(window.worker)
    let list = arena.temporaryList(window.worker)
    for t in window.steps {
      for b in window.streams {
        let from = arena.row(input, t + step.inputShift, b)
        let to = arena.row(output, t, b)
        for p in 0..<parts {
          let weights = matrices[matrices.count == 1 ? 0 : p]
          let padded = (weights.inputs + 15) & ~15
          part.part(0, padded).fill(0)
          part.part(0, weights.inputs).copy(from: from.part(p * weights.inputs, weights.inputs))
          let found = findNonzero(part, count: weights.inputs, list: list)
          weights.applyEvents(
            input: part, list: list, nonzero: found, output: sums, first: 0,
            count: weights.stride)
          to.part(p * weights.outputs, weights.outputs).copy(from: sums.part(0, weights.outputs))
        }
        step.countSynapses(input, t + step.inputShift, b, arena)
      }
    }
  }
}
