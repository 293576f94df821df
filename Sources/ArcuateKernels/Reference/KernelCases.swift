import ArcuateCore

/// A kernel with the sizes it must be tried at and the comparison with its reference kernel.
public struct KernelCases: Sendable {
  public let kernel: Kernel
  /// Every combination of these extents is a case.
  public let extents: [[Int]]
  /// What differs for one case, or nil. `random` samples the numbers.
  let compare: @Sendable (_ extents: [Int], _ random: inout Draw) throws(ArcuateError) -> String?

  /// The first difference over all cases, or every `stride`th, naming case and seed; nil if there is none.
  public func firstDifference(seed: UInt64, stride: Int = 1) throws(ArcuateError) -> String? {
    var cases: [[Int]] = [[]]
    for sizes in extents { cases = cases.flatMap { head in sizes.map { head + [$0] } } }
    for (i, extents) in cases.enumerated() where i % stride == 0 {
      var draw = Draw(seed: seed, stream: UInt32(i))
      if let difference = try compare(extents, &draw) {
        return "\(kernel.rawValue) \(extents) seed \(seed): \(difference)"
      }
    }
    return nil
  }
}

/// Random numbers for comparisons.
struct Draw {
  let random: CounterRandom
  let stream: UInt32
  var step: UInt64 = 0

  init(seed: UInt64, stream: UInt32) {
    random = CounterRandom(seed: seed)
    self.stream = stream
  }

  mutating func uniform() -> Float {
    step += 1
    return random.uniform(stream: stream, step: step, index: 0)
  }

  /// Values within -1 ..< 1, of which a fraction `density` are not zero.
  mutating func values(_ count: Int, density: Float = 1) -> [Float] {
    (0..<count).map { _ in
      let keep = uniform() < density
      let value = uniform() * 2 - 1
      return keep ? value : 0
    }
  }

  /// Zeros and ones.
  mutating func spikes(_ count: Int, density: Float) -> [Float] {
    (0..<count).map { _ in uniform() < density ? 1 : 0 }
  }
}
