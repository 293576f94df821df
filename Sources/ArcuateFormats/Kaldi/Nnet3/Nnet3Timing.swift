import ArcuateCore
import ArcuateModel

/// When each place of a network can answer, in frames.
///
/// Place n gives frame t at step t + latency[n], counted from the step of frame 0. It must wait for all that it takes, so that latency[n] >= latency[m] + offset for each take; the
/// least such latencies are found. With inputs from frame -leftContext on, frames from first[n] on
/// can be computed, optional takes being zero where they cannot.
struct Nnet3Timing {
  private(set) var latency: [Int]
  private(set) var first: [Int]
  /// Frames before the first one, and after an output's, that outputs depend on; below zero where
  /// outputs depend on later, or earlier, frames alone.
  private(set) var leftContext = 0
  private(set) var rightContext = 0
  /// Of all outputs.
  private(set) var outputLatency = 0
  /// Whether two places lie on a cycle.
  let cycle: [Int]
  /// Places such that all that is not taken from earlier steps of a cycle comes before.
  private(set) var order: [Int] = []

  static let mostFrames = 1_000_000
  static let mostRounds = 200

  init(_ places: [Nnet3Place]) throws {
    (latency, first) = ([], [])
    let takes = places.map { $0.takes.filter { !$0.isTimeless } }
    var edges: [(source: Int, target: Int)] = []
    for (i, takes) in takes.enumerated() {
      for take in takes { edges.append((take.place, i)) }
    }
    var inputs: [Int] = []
    var outputs: [Int] = []
    for (i, place) in places.enumerated() {
      switch place.kind {
      case .input: inputs.append(i)
      case .output: outputs.append(i)
      case .component: break
      }
    }
    let ordering = Ordering(
      nodeCount: places.count, edges: edges, roots: inputs,
      early: [Bool](repeating: false, count: places.count))
    cycle = ordering.group

    func settle(
      _ start: [Int?], _ order: [Int], _ message: String,
      _ next: (Int, [Int?]) -> Int?
    ) throws -> [Int?] {
      var values = start
      var growing = 0
      // Without a cycle that grows, no value changes after as many rounds as there are places; in
      // the order of the edges a few are enough.
      for _ in 0...min(places.count + 1, Nnet3Timing.mostRounds) {
        var isSettled = true
        for i in order {
          let value = next(i, values)
          guard value != values[i] else { continue }
          values[i] = value
          isSettled = false
          growing = i
          if let value, abs(value) > Nnet3Timing.mostFrames {
            throw ArcuateError(.invalidModel, message, at: Nnet3Places.place(places[i].name))
          }
        }
        if isSettled { return values }
      }
      throw ArcuateError(.invalidModel, message, at: Nnet3Places.place(places[growing].name))
    }
    let none = [Int?](repeating: nil, count: places.count)
    var start = none
    for i in inputs { start[i] = 0 }

    // As late as any of what is taken.
    let latest = try settle(
      start, ordering.order, "depends on its own later frames, or on frames too far away"
    ) { i, values in
      takes[i].compactMap { take in values[take.place].map { $0 + take.offset } }.max()
        ?? values[i] ?? 0
    }
    latency = latest.map { $0 ?? 0 }
    outputLatency = max(0, outputs.map { latency[$0] }.max() ?? 0)
    for i in outputs { latency[i] = outputLatency }

    // From the outputs back, the first and the last frame that is needed for frame 0.
    var after = [[(target: Int, offset: Int)]](repeating: [], count: places.count)
    for (i, takes) in takes.enumerated() {
      for take in takes where !take.isOptional { after[take.place].append((i, take.offset)) }
    }
    for isFirst in [true, false] {
      var start = none
      for i in outputs { start[i] = 0 }
      let needed = try settle(
        start, ordering.order.reversed(), "depends on itself without IfDefined"
      ) { i, values in
        let all =
          after[i].compactMap { next in values[next.target].map { $0 + next.offset } }
          + (start[i].map { [$0] } ?? [])
        return isFirst ? all.min() : all.max()
      }
      let ends = inputs.compactMap { needed[$0] }
      if isFirst { leftContext = -(ends.min() ?? 0) } else { rightContext = ends.max() ?? 0 }
    }

    start = none
    for i in inputs { start[i] = -leftContext }
    let from = try settle(
      start, ordering.order, "depends on itself without IfDefined, or on frames too far away"
    ) { i, values in
      takes[i].filter { !$0.isOptional }.compactMap { take in
        values[take.place].map { $0 - take.offset }
      }.max() ?? values[i]
    }
    let least = -max(0, leftContext)
    first = from.map { $0 ?? least }
    order = try sorted(places, takes)
  }

  /// Steps that place `target` waits for what it takes.
  func delay(_ take: Nnet3Place.Take, for target: Int) -> Int {
    take.isTimeless ? 0 : latency[target] - latency[take.place] - take.offset
  }

  /// Whether what is taken comes from an earlier step of the same cycle.
  func isRecurrent(_ take: Nnet3Place.Take, for target: Int) -> Bool {
    cycle[take.place] == cycle[target] && delay(take, for: target) >= 1
  }

  /// The step, from the first that is run, at which a place gives the first frame it can compute.
  func start(_ place: Int) -> Int { first[place] + latency[place] + max(0, leftContext) }

  private func sorted(
    _ places: [Nnet3Place], _ takes: [[Nnet3Place.Take]]
  ) throws -> [Int] {
    var missing = [Int](repeating: 0, count: places.count)
    var after = [[Int]](repeating: [], count: places.count)
    for (i, place) in places.enumerated() {
      for take in place.takes where take.isTimeless || !isRecurrent(take, for: i) {
        missing[i] += 1
        after[take.place].append(i)
      }
    }
    var ready = places.indices.filter { missing[$0] == 0 }
    var order: [Int] = []
    var at = 0
    while at < ready.count {
      order.append(ready[at])
      for next in after[ready[at]] {
        missing[next] -= 1
        if missing[next] == 0 { ready.append(next) }
      }
      at += 1
    }
    if let stuck = places.indices.first(where: { missing[$0] > 0 }) {
      throw ArcuateError(
        .invalidModel, "depends on itself at the same frame",
        at: Nnet3Places.place(places[stuck].name))
    }
    return order
  }
}
