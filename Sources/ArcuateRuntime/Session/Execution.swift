import ArcuateCore
import ArcuateKernels
import ArcuateModel

extension Session {
  /// Runs every node over the steps of a block whose input rows stand ready.
  ///
  /// Streams are independent, so that threads take a share of them each; with fewer streams than
  /// threads, they share the outputs of large linear layers.
  func runBlock(_ count: Int) {
    if count != blockSteps { layTiles(count) }
    let batch = plan.options.batch
    for slot in plan.slots where slot.history >= 0 { loadHistory(slot) }
    if let workers, batch > 1 {
      job = .streams
      workers.run()
    } else if let workers, hasStages {
      runByChoice(workers)
    } else {
      runTiles(0..<batch, worker: 0)
    }
    for slot in plan.slots where slot.history >= 0 { saveHistory(slot, count) }
    if learns, plan.learning != nil { learn() }
    // Cannot overflow in a lifetime; a trap would end the host all the same.
    for stream in 0..<batch { stepCounts[stream] = stepCounts[stream] &+ UInt64(count) }
    for probe in probes { probe.advance(count) }
  }

  /// A worker's share of the job.
  func work(_ worker: Int) {
    let threads = plan.options.threads
    switch job {
    case .streams:
      let streams = streams(of: worker)
      if !streams.isEmpty { runTiles(streams, worker: worker) }
    case .stages: runStage(worker)
    case .call(let body): body(worker)
    case .learn(let edge): changeRows(edge, worker)
    case .consolidate(let edge): consolidateRows(edge, worker)
    case .population(let population, let range):
      runWindows(population, range, 0, worker: worker, share: worker, shares: threads)
    case .product(let product):
      let share = product.weights.share(of: worker, among: threads)
      product.run(first: share.first, count: share.count, room: spikeRows[worker])
    }
  }

  /// Calls `body` on every thread that works for this session, with its number.
  package func onWorkers(_ body: @escaping (Int) -> Void) {
    guard let workers else { return body(0) }
    job = .call(body)
    workers.run()
    job = .streams
  }

  private func loadHistory(_ slot: Slot) {
    for stream in 0..<plan.options.batch {
      row(slot, -1, stream).copy(
        from: state.row.part(slot.history + stream * slot.stride, slot.stride))
      listRow(slot, -1, stream)
    }
  }

  private func saveHistory(_ slot: Slot, _ count: Int) {
    for stream in 0..<plan.options.batch {
      state.row.part(slot.history + stream * slot.stride, slot.stride).copy(
        from: row(slot, count - 1, stream))
    }
  }

  /// Says where the rows of tiles stand in a block of `count` steps.
  private func layTiles(_ count: Int) {
    blockSteps = count
    tile = plan.tiling.tile(blockSteps: count)
    for t in 0..<count { stepPlaces[t] = t % tile.steps * tile.streams }
    for worker in 0..<plan.options.threads {
      let streams = streams(of: worker)
      for b in streams {
        streamPlaces[b] =
          worker * plan.tiling.rows + (b - streams.lowerBound) % tile.streams
      }
    }
  }

  /// The streams that a worker takes, where they are shared out.
  private func streams(of worker: Int) -> Range<Int> {
    let (batch, threads) = (plan.options.batch, plan.options.threads)
    guard batch > 1 else { return worker == 0 ? 0..<batch : 0..<0 }
    return batch * worker / threads..<batch * (worker + 1) / threads
  }

  /// Runs every node over some rows before the next rows.
  func runTiles(_ streams: Range<Int>, worker: Int) {
    var first = streams.lowerBound
    while first < streams.upperBound {
      let end = min(first + tile.streams, streams.upperBound)
      var step = 0
      while step < blockSteps {
        let after = min(step + tile.steps, blockSteps)
        runNodes(plan.groups.indices, step..<after, first..<end, worker)
        step = after
      }
      first = end
    }
  }

  /// Runs some groups of nodes over some rows.
  func runNodes(
    _ groups: Range<Int>, _ range: Range<Int>, _ streams: Range<Int>, _ worker: Int
  ) {
    for group in plan.groups[groups] {
      if let population = group.population, runsInWindows(group) {
        runPopulation(population, range, streams, worker: worker)
      } else if let recurrence = group.recurrence, streams.count == 1,
        workers == nil || !sharesLayers,
        probes.isEmpty, plan.learning == nil
      {
        runRecurrence(recurrence, range, streams.lowerBound, worker)
      } else if group.cyclic {
        for step in range {
          for i in group.steps { emitPending(i, step, streams) }
          for i in group.steps { run(i, step..<step + 1, streams, worker) }
        }
      } else {
        for i in group.steps { run(i, range, streams, worker) }
      }
    }
  }

  /// In a cycle, neurons whose spikes are seen a step later show them before anything runs.
  private func emitPending(_ index: Int, _ t: Int, _ streams: Range<Int>) {
    let step = plan.steps[index]
    let output = plan.slots[step.output]
    if step.role == .sparse, case .sparse(let packed) = step.operation, packed.isEarly {
      for b in streams {
        emit(packed, row(output, t, b), step.outputCount, t, b)
        listRow(output, t, b)
      }
    }
    guard step.memory.pending >= 0 else { return }
    for b in streams {
      row(output, t, b).copy(
        from: state.row.part(step.memory.pending + b * output.stride, output.stride))
      listRow(output, t, b)
    }
  }

  private func run(_ index: Int, _ blockRange: Range<Int>, _ streams: Range<Int>, _ worker: Int) {
    let step = plan.steps[index]
    let output = plan.slots[step.output]
    // A constant node has one row, due when its frame begins.
    if output.constant && !(computesConstants && blockRange.lowerBound == 0) { return }
    let range = output.constant ? 0..<1 : blockRange
    if step.role == .input {
      for t in range {
        for b in streams { enter(output, t, b) }
      }
      record(index, range, streams, output)
      return
    }
    if step.role == .alias {
      for b in streams { count(index, b, 5, UInt64(range.count)) }
      record(index, range, streams, output)
      return
    }
    // What learns reads the sum as well.
    let addsWhileReading = step.addsWhileReading && plan.learning == nil
    let gathers = step.gather >= 0 && !addsWhileReading
    if gathers { gather(step, range, streams, worker) }
    if step.role == .apart { joinInputs(step, output, range, streams) }
    let input = plan.slots[gathers ? step.gather : step.sources[0].slot]
    let shift = !gathers && step.sources[0].delayed ? -1 : 0

    switch step.role {
    case .neurons where input.isInPlace && probes.isEmpty:
      runInPlace(index, range, streams, worker)
    case .neurons:
      runNeurons(
        step, index, step.neurons!, input, shift, addsWhileReading, output, range, streams)
    case .linear: runLinear(index, step.linear!, input, shift, output, range, streams, worker)
    case .sparse:
      if case .sparse(let packed) = step.operation {
        runSparse(index, packed, input, shift, output, range, streams)
      }
    case .stateful:
      for t in range {
        for b in streams {
          let places = input.listed ? list(input, t + shift, b) : temporaryLists.row.part(0, 0)
          let found = input.listed ? Int(nonzero(input, t + shift, b)[0].count) : 0
          runStateful(
            step, row(input, t + shift, b), places, found, row(output, t, b), t, b, output.stride)
        }
      }
    case .plastic: runPlastic(index, input, shift, output, range, streams, worker)
    // What follows has it done.
    case .stateless where output.isInPlace && probes.isEmpty: break
    case .stateless: runStateless(index, input, shift, output, range, streams, worker)
    case .input, .alias, .apart: break
    }
    // Spiking neurons list their spikes while they make them.
    let isListed = step.role == .neurons && step.updates
    for t in range {
      for b in streams {
        if !isListed { listRow(output, t, b) }
        if step.spikes { count(index, b, 0, UInt64(nonzero(output, t, b)[0].count)) }
      }
    }
    for b in streams { count(index, b, 5, UInt64(range.count)) }
    record(index, range, streams, output)
  }

  private func runStateless(
    _ index: Int, _ input: Slot, _ shift: Int, _ output: Slot, _ range: Range<Int>,
    _ streams: Range<Int>, _ worker: Int
  ) {
    let step = plan.steps[index]
    let temporary = temporaries.row.part(worker * 2 * plan.widest, plan.widest)
    let temporaryOutput = temporaries.row.part((worker * 2 + 1) * plan.widest, plan.widest)
    let temporaryList = temporaryLists.row.part(worker * plan.widest, plan.widest)
    for t in range {
      for b in streams {
        let (from, to) = (row(input, t + shift, b), row(output, t, b))
        let listed = input.listed ? list(input, t + shift, b) : temporaryList
        let found = input.listed ? nonzero(input, t + shift, b)[0] : nil
        if let weights = step.convolution, let found {
          let isByWindows = weights.apply(
            input: from, list: listed, nonzero: found, output: to, starts: temporaryList)
          if isByWindows { count(index, b, 9, 1) }
        } else {
          if !step.operation.takesEvents(found) { fillRow(input, t + shift, b) }
          step.operation.apply(
            input: from, list: listed, nonzero: found, output: to, inputCount: step.inputCount,
            outputCount: step.outputCount, temporary: temporary,
            temporaryOutput: temporaryOutput, temporaryList: temporaryList)
        }
        countSynapses(index, step, input, t + shift, b)
      }
    }
  }

  /// Runs neurons that add in place together with the convolution before them, step by step, since
  /// what arrives in a step goes to the membranes at once.
  private func runInPlace(
    _ index: Int, _ range: Range<Int>, _ streams: Range<Int>, _ worker: Int
  ) {
    let (first, second) = (plan.steps[index - 1], plan.steps[index])
    let (weights, layer) = (first.convolution!, second.neurons!)
    let gathers = first.gather >= 0
    let input = plan.slots[gathers ? first.gather : first.sources[0].slot]
    let shift = !gathers && first.sources[0].delayed ? -1 : 0
    let output = plan.slots[second.output]
    for b in streams {
      let membrane = memoryRow(second.memory.membrane, output, b)
      for t in range {
        let found = nonzero(input, t + shift, b)[0]
        guard !weights.prefersWindows(found) else {
          runStateless(
            index - 1, input, shift, plan.slots[first.output], t..<t + 1, b..<b + 1, worker)
          runNeurons(
            second, index, layer, plan.slots[first.output], 0, false, output, t..<t + 1, b..<b + 1)
          continue
        }
        weights.addEvents(
          input: row(input, t + shift, b), list: list(input, t + shift, b), nonzero: found,
          to: membrane)
        countSynapses(index - 1, first, input, t + shift, b)
        nonzero(output, t, b)[0] = layer.fire(
          membrane: membrane, output: output.isBare ? nil : row(output, t, b),
          list: list(output, t, b))
        count(index, b, 4, UInt64(layer.count))
      }
    }
  }

  /// Sums what arrives at a node, in the order of its rows.
  private func gather(
    _ step: Plan.Step, _ range: Range<Int>, _ streams: Range<Int>, _ worker: Int
  ) {
    let target = plan.slots[step.gather]
    for t in range {
      for b in streams {
        if target.isBare, permuteList(step, target, t, b, worker) { continue }
        let sum = row(target, t, b)
        if step.sources.isEmpty { sum.fill(0) }
        var n = 0
        if step.sumsTwoRows {
          Elementwise.add(
            row(step, 0, t, b), row(step, 1, t, b), into: sum, count: step.inputCount)
          n = 2
        }
        while n < step.sources.count {
          let from = row(step, n, t, b)
          switch (step.sources[n].permutation, n) {
          case (nil, 0): sum.part(0, step.inputCount).copy(from: from.part(0, step.inputCount))
          case (let order?, 0):
            permute(step, from, by: order, into: sum, t, b)
          case (nil, _): Elementwise.add(sum, from, into: sum, count: step.inputCount)
          case (let order?, _): Elementwise.addPermuted(from, by: order, into: sum)
          }
          n += 1
        }
        listRow(target, t, b)
      }
    }
  }

  /// Puts the list of the only source in another order, if it is short and all that there is; returns
  /// whether it is.
  @inline(__always)
  private func permuteList(
    _ step: Plan.Step, _ target: Slot, _ t: Int, _ b: Int, _ worker: Int
  ) -> Bool {
    let source = step.sources[0]
    let slot = plan.slots[source.slot]
    let t = (source: t + (source.delayed ? -1 : 0), target: t)
    guard slot.listed else { return false }
    let found = nonzero(slot, t.source, b)[0]
    guard found.unit != 0, Int(found.count) < slot.count / 4 else { return false }
    nonzero(target, t.target, b)[0] = Elementwise.permute(
      list: list(slot, t.source, b), count: Int(found.count), by: source.permutation!,
      masks: temporaryMasks.row.part(worker * plan.maskCount, plan.maskCount),
      into: list(target, t.target, b))
    return true
  }

  /// Puts the row of the first source in another order; by its list where that is short and the sign
  /// of a zero, which is lost, changes nothing.
  private func permute(
    _ step: Plan.Step, _ from: Row<Float>, by order: Permutation, into sum: Row<Float>, _ t: Int,
    _ b: Int
  ) {
    let source = step.sources[0]
    let slot = plan.slots[source.slot]
    let t = t + (source.delayed ? -1 : 0)
    guard slot.listed, step.operation.isSumOfProducts,
      Int(nonzero(slot, t, b)[0].count) < slot.count / 4
    else {
      fillRow(slot, t, b)
      return Elementwise.permute(from, by: order, into: sum)
    }
    Elementwise.permute(
      from, list: list(slot, t, b), nonzero: nonzero(slot, t, b)[0], by: order, into: sum)
  }

  /// Rows of a node that takes its inputs one by one.
  private func joinInputs(
    _ step: Plan.Step, _ output: Slot, _ range: Range<Int>, _ streams: Range<Int>
  ) {
    for t in range {
      for b in streams { step.joinRows({ row(step, $0, t, b) }, into: row(output, t, b)) }
    }
  }

  /// The row that source `n` of a node has for it.
  @inline(__always)
  private func row(_ step: Plan.Step, _ n: Int, _ t: Int, _ b: Int) -> Row<Float> {
    row(plan.slots[step.sources[n].slot], t + (step.sources[n].delayed ? -1 : 0), b)
  }

  // MARK: Neurons

  private func runNeurons(
    _ step: Plan.Step, _ index: Int, _ layer: NeuronLayer, _ input: Slot, _ shift: Int,
    _ addsSecond: Bool, _ output: Slot, _ range: Range<Int>, _ streams: Range<Int>
  ) {
    let spikes = step.updates
    let memory = step.memory
    let second = addsSecond ? plan.slots[step.sources[1].slot] : input
    let secondShift = addsSecond && step.sources[1].delayed ? -1 : 0
    for b in streams {
      let membrane = memoryRow(memory.membrane, output, b)
      let current = memoryRow(memory.current, output, b)
      let pending = memoryRow(memory.pending, output, b)
      for t in range {
        let (changed, spiked) = layer.step(
          input: row(input, t + shift, b),
          and: addsSecond ? row(second, t + secondShift, b) : nil, membrane: membrane,
          current: current, pending: pending,
          output: output.isBare ? nil : row(output, t, b),
          list: spikes ? list(output, t, b) : temporaryLists.row.part(0, 0))
        if spikes {
          nonzero(output, t, b)[0] = spiked
          let first = stepCounts[b] &+ UInt64(t) == 0
          count(index, b, 4, UInt64(first ? layer.count : changed))
        }
        for probe in probes where probe.step == index && probe.quantity != .output {
          probe.row(t, b)?.copy(from: probe.quantity == .membrane ? membrane : current)
        }
      }
    }
  }

  /// What the neurons behind `output` remember of one stream; nothing where they have no such memory.
  @inline(__always)
  func memoryRow(_ offset: Int, _ output: Slot, _ b: Int) -> Row<Float> {
    offset < 0 ? state.row.part(0, 0) : state.row.part(offset + b * output.stride, output.stride)
  }

  /// Hands the rows a node emitted to the probes that record it.
  private func record(_ index: Int, _ range: Range<Int>, _ streams: Range<Int>, _ output: Slot) {
    guard !probes.isEmpty else { return }
    for probe in probes where probe.step == index && probe.quantity == .output {
      // A constant node's one row stands for every step of the block.
      for t in output.constant ? 0..<blockSteps : range {
        for b in streams {
          fillRow(output, t, b)
          probe.row(t, b)?.copy(from: row(output, t, b))
        }
      }
    }
  }

  // MARK: Other memories

  private func runStateful(
    _ step: Plan.Step, _ input: Row<Float>, _ list: Row<UInt32>, _ listCount: Int,
    _ output: Row<Float>, _ t: Int, _ b: Int, _ stride: Int
  ) {
    let now = stepCounts[b] &+ UInt64(t)
    switch step.operation {
    case .delay(let delays, let ring, let offset):
      let lines = state.row.part(offset + b * ring * stride, ring * stride)
      let at = Int(now % UInt64(ring))
      lines.part(at * stride, step.inputCount).copy(from: input.part(0, step.inputCount))
      for i in 0..<step.outputCount {
        let then = at - Int(delays[i])
        output[i] = lines[(then < 0 ? then + ring : then) * stride + i]
      }
    case .bernoulli(let gain, let random, let signed):
      let stream = UInt32(truncatingIfNeeded: step.node << 16 | b)
      // A network that learns sees other spikes after each rest.
      let when = now | rests(of: b) << 32
      Elementwise.bernoulli(
        input, list: list, listCount: listCount, gain: gain, isSigned: signed,
        random: random, stream: stream, step: when, into: output)
    case .singleShot(let gain):
      for i in 0..<step.outputCount { output[i] = now == 0 ? gain * input[i] : 0 }
    case .spikeMaximum(let window, let offset):
      let width = (step.inputCount + 15) & ~15
      let start = offset + b * (width + stride)
      window.applyRise(
        input: input, sums: state.row.part(start, width),
        largest: state.row.part(start + width, stride), output: output)
    case .rateEncoder(let gain, let offset):
      let sums = state.row.part(offset + b * stride, stride)
      for i in 0..<step.outputCount {
        let sum = sums[i] + gain * input[i]
        output[i] = sum >= 1 ? 1 : 0
        sums[i] = sum - output[i]
      }
    case .decoder(let decoder, let offset):
      let sums = state.row.part(offset + b * stride, stride)
      let divisor: Float = decoder == .count ? 1 : Float(now &+ 1)
      for i in 0..<step.outputCount {
        sums[i] += input[i]
        output[i] = sums[i] / divisor
      }
    default: preconditionFailure("an operation without memory")
    }
  }
}
