import ArcuateCore

extension Trainer {
  /// The order of samples in an epoch: the same for the same seed on every machine.
  /// Source. Fisher and Yates, with counter-based numbers.
  public static func order(count: Int, epoch: Int, seed: UInt64) -> [Int] {
    var order = Array(0..<count)
    let random = CounterRandom(seed: seed)
    for i in stride(from: count - 1, to: 0, by: -1) {
      let words = random.words(
        stream: 0x6F72_6465, step: UInt64(epoch), index: UInt32(truncatingIfNeeded: i))
      let wide = UInt64(words[0]) << 32 | UInt64(words[1])
      let j = Int(wide.multipliedFullWidth(by: UInt64(i + 1)).high)
      order.swapAt(i, j)
    }
    return order
  }
}
