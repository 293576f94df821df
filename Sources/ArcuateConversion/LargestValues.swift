/// Percentiles near the top of many numbers, of which only as many are stored as needed.
struct LargestValues {
  private let most: Int
  private var kept: [Float] = []
  private var floor: Float = 0
  private(set) var count = 0

  /// Keeps the `most` largest of the positive numbers.
  init(most: Int) {
    self.most = max(2, most)
  }

  /// Adds the positive numbers among `values`.
  mutating func add(_ values: [Float]) {
    for value in values where value > 0 {
      count += 1
      guard value > floor || kept.count < most else { continue }
      kept.append(value)
      if kept.count >= 2 * most { shrink() }
    }
  }

  var largest: Float { kept.max() ?? 0 }

  /// A percentile, interpolated linearly between the two numbers next to it; 0 without any number.
  ///
  /// Needs. A percentile whose rank is among the numbers kept.
  mutating func percentile(_ percentile: Double) -> Float {
    guard count > 0 else { return 0 }
    shrink()
    let fromTop = (1 - percentile / 100) * Double(count - 1)
    let above = min(Int(fromTop), kept.count - 1)
    let below = min(above + 1, kept.count - 1)
    let part = Float(fromTop - Double(above))
    return kept[above] + (kept[below] - kept[above]) * max(0, min(1, part))
  }

  private mutating func shrink() {
    kept.sort(by: >)
    guard kept.count >= most else { return }
    kept.removeLast(kept.count - most)
    floor = kept[most - 1]
  }
}
