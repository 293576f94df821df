import ArcuateCore
import ArcuateKernels

/// What a session's workers do together.
enum Job {
  /// Each takes a share of the streams.
  case streams
  /// Each takes some of the nodes.
  case stages
  /// Each takes a share of the outputs.
  case product(Product)
  /// Each takes a share of the tiles.
  case population(Population, Range<Int>)
  /// Each takes a share of the rows of weights that change.
  case learn(LearningEdge)
  case consolidate(LearningEdge)
  /// Each calls the same function.
  case call((Int) -> Void)
}

/// One product of weights and rows, whose outputs may be computed in shares.
struct Product {
  enum Inputs {
    /// One row, by the list of its non-zero inputs.
    case events(Row<Float>, list: Row<UInt32>, nonzero: NonzeroCount)
    /// Consecutive rows, every input.
    case dense(Row<Float>, stride: Int, rows: Int, fused: Bool)
    /// Rows of zeros and ones, each with its own place in the output.
    case spikes(SpikeRows.Batch)
  }
  let weights: LinearWeights
  let inputs: Inputs
  let output: Row<Float>
  /// Products of an input and a weight, about.
  let work: Int

  /// `room` is the spike rows of the worker that runs this.
  @inline(__always)
  func run(first: Int, count: Int, room: SpikeRows) {
    switch inputs {
    case .events(let input, let list, let nonzero):
      weights.applyEvents(
        input: input, list: list, nonzero: nonzero, output: output, first: first, count: count)
    case .dense(let input, let stride, let rows, let fused):
      weights.applyDense(
        input: input, inputStride: stride, rows: rows, output: output,
        outputStride: weights.stride, first: first, count: count, fused: fused)
    case .spikes(let rows):
      rows.apply(weights, output: output, first: first, count: count, room: room)
    }
  }
}

extension Session {
  /// The rows of one linear node: those with few and equal spikes meet over the weights, those with
  /// many other inputs go through all of them.
  func runLinear(
    _ index: Int, _ weights: LinearWeights, _ input: Slot, _ shift: Int, _ output: Slot,
    _ range: Range<Int>, _ streams: Range<Int>, _ worker: Int
  ) {
    let step = plan.steps[index]
    let limit = Int32(Double(weights.inputs) * Session.denseFraction)
    let isShared = range.count * streams.count > 1 && weights.gainsFromMeeting
    var spikes = spikeRows[worker]
    func flush() {
      guard spikes.rows > 0 else { return }
      let field =
        switch spikes.way(weights) {
        case .tiles: 10
        case .many: 9
        default: 8
        }
      for r in 0..<spikes.rows { count(index, spikes.owner(r), field, 1) }
      spikes.batches(weights, lists: lists.row) { batch in
        run(
          Product(
            weights: weights, inputs: .spikes(batch), output: values.row,
            work: batch.spikes * weights.stride), worker)
      }
      spikes.clear()
    }
    for t in range {
      var b = streams.lowerBound
      while b < streams.upperBound {
        let found = nonzero(input, t + shift, b)[0]
        let inputRow = place(input, t + shift, b)
        let from = input.values + inputRow * input.stride
        let to = output.values + place(output, t, b) * output.stride
        // Dense rows that follow one another share a pass over the weights.
        var end = b + 1
        if found.count > limit {
          while end < streams.upperBound, end - b < 4,
            nonzero(input, t + shift, end)[0].count > limit
          { end += 1 }
          let rows = end - b
          for r in b..<end { fillRow(input, t + shift, r) }
          run(
            Product(
              weights: weights,
              inputs: .dense(
                values.row.part(from, rows * input.stride), stride: input.stride, rows: rows,
                fused: plan.options.numerics == .fast),
              output: values.row.part(to, rows * output.stride),
              work: rows * weights.inputs * weights.stride), worker)
          for r in b..<end { count(index, r, 6, 1) }
        } else if isShared && found.unit != 0 {
          spikes.add(
            listStart: input.lists + inputRow * input.stride, count: Int(found.count), offset: to,
            owner: b)
          if spikes.isFull { flush() }
        } else {
          let (numbers, sums) = (
            values.row.part(from, input.stride), values.row.part(to, output.stride)
          )
          let list = list(input, t + shift, b)
          // One row alone on one thread is soon done: making a `Product` of it would show.
          if workers == nil || !sharesLayers {
            weights.applyEvents(
              input: numbers, list: list, nonzero: found, output: sums, first: 0,
              count: weights.stride)
          } else {
            run(
              Product(
                weights: weights, inputs: .events(numbers, list: list, nonzero: found),
                output: sums, work: Int(found.count) * weights.stride), worker)
          }
        }
        for r in b..<end { countSynapses(index, step, input, t + shift, r) }
        b = end
      }
    }
    flush()
  }

  /// Runs a product here, or, where streams are not shared out and the work is worth it, in
  /// shares of its outputs on all threads.
  private func run(_ product: Product, _ worker: Int) {
    let stride = product.weights.stride
    guard let workers, sharesLayers, plan.options.batch == 1, stride >= 64 * plan.options.threads,
      product.work > 1 << 17
    else { return product.run(first: 0, count: stride, room: spikeRows[worker]) }
    job = .product(product)
    workers.run()
  }

  @inline(__always)
  func countSynapses(_ index: Int, _ step: Plan.Step, _ input: Slot, _ t: Int, _ b: Int) {
    guard step.fanOut.isCounted else { return }
    if input.listed, let uniform = step.fanOut.uniform {
      // By far the most frequent.
      let found = nonzero(input, t, b)[0]
      if found.unit != 0 {
        return countSynapses(index, step, b, uniform &* UInt64(found.count), accumulates: true)
      }
    }
    countOthers(index, step, input, t, b)
  }

  @inline(__always)
  private func countSynapses(
    _ index: Int, _ step: Plan.Step, _ b: Int, _ operations: UInt64, accumulates: Bool
  ) {
    let first = (index * plan.options.batch + b) * Counters.roomCount
    let fields = counterFields.row.part(first, Counters.fieldCount)
    let kind = accumulates ? 2 : 1
    fields[kind] = fields[kind] &+ operations
    fields[3] = fields[3] &+ step.fanOut.dense
    fields[7] = fields[7] &+ operations &* step.weightBytes
  }

  private func countOthers(
    _ index: Int, _ step: Plan.Step, _ input: Slot, _ t: Int, _ b: Int
  ) {
    var operations: UInt64 = 0
    var accumulates = true
    if input.listed {
      let found = nonzero(input, t, b)[0]
      let indices = list(input, t, b)
      if let uniform = step.fanOut.uniform {
        operations = uniform &* UInt64(found.count)
      } else {
        for e in 0..<Int(found.count) {
          operations &+= UInt64(step.fanOut.perInput[Int(indices[e])])
        }
      }
      accumulates = found.unit != 0
      if !accumulates { accumulates = isTernary(row(input, t, b), indices, Int(found.count)) }
    } else {
      let from = row(input, t, b)
      for i in 0..<step.inputCount where from[i] != 0 {
        operations &+= UInt64(step.fanOut.perInput[i])
        accumulates = accumulates && (from[i] == 1 || from[i] == -1)
      }
    }
    countSynapses(index, step, b, operations, accumulates: accumulates)
  }

  private func isTernary(_ row: Row<Float>, _ list: Row<UInt32>, _ count: Int) -> Bool {
    for e in 0..<count where abs(row[Int(list[e])]) != 1 { return false }
    return true
  }
}
