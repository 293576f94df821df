/// A division by a number that does not change, as a multiplication.
public struct Divisor: BitwiseCopyable, Sendable {
  @usableFromInline let value: UInt64
  @usableFromInline let magic: UInt64

  /// `value` is at least 1.
  @inlinable
  public init(_ value: Int) {
    self.value = UInt64(value)
    // Rounded up, which is exact for numerators below 2^32; for 1 there is no such number.
    magic = value == 1 ? 0 : UInt64.max / UInt64(value) &+ 1
  }

  @inlinable public var divisor: Int { Int(value) }

  /// `n` below 2^32.
  @inlinable @inline(__always)
  public func divide(_ n: Int) -> (quotient: Int, remainder: Int) {
    let n = UInt64(truncatingIfNeeded: n)
    let quotient = magic == 0 ? n : n.multipliedFullWidth(by: magic).high
    return (Int(quotient), Int(n &- quotient &* value))
  }
}
