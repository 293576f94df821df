/// Durations in constant memory: exact mean, percentiles within one percent.
struct Latencies {
  private(set) var count = 0
  private var sum = 0.0
  /// Steps of 1 % from 1 ns up to about a day.
  private var buckets = [Int](repeating: 0, count: 3300)

  private static func edge(_ bucket: Int) -> Double {
    var (edge, factor, n) = (1e-9, 1.01, bucket)
    while n > 0 {
      if n & 1 == 1 { edge *= factor }
      factor *= factor
      n >>= 1
    }
    return edge
  }
  private static let edges = (0..<3300).map { edge($0) }

  mutating func add(_ seconds: Double) {
    count += 1
    sum += seconds
    var (low, high) = (0, buckets.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if Latencies.edges[middle] < seconds { low = middle + 1 } else { high = middle }
    }
    buckets[low] += 1
  }

  var mean: Double { count == 0 ? 0 : sum / Double(count) }

  /// The duration that this fraction of all did not exceed.
  func percentile(_ fraction: Double) -> Double {
    var rest = Int(bounding: (fraction * Double(count)).rounded(.up), 0...count)
    for (bucket, n) in buckets.enumerated() where n > 0 {
      rest -= n
      if rest <= 0 { return Latencies.edges[bucket] }
    }
    return 0
  }
}
