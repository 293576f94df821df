/// Throws `invalidArgument` unless `range` contains `value`; `name` is the option as hosts write it.
///
/// The one wording for a value out of range: "batch must be 1 ... 65535, got 0".
public func checkRange<T: Comparable>(
  _ value: T, _ range: ClosedRange<T>, _ name: @autoclosure () -> String
) throws(ArcuateError) {
  guard !range.contains(value) else { return }
  throw ArcuateError(
    .invalidArgument,
    "\(name()) must be \(range.lowerBound) ... \(range.upperBound), got \(value)")
}

// Conversions that cannot fail: a type that an Int does not hold does not compile. Together with
// `Int(exactly:)`, `Int(clamping:)` and `Int(text:)` they are what modules that read files and
// callers' numbers use; Tests/house/numbers.py checks it.
extension Int {
  @inline(__always) public init(widening value: UInt8) { self = Int(value) }
  @inline(__always) public init(widening value: UInt16) { self = Int(value) }
  @inline(__always) public init(widening value: UInt32) { self = Int(value) }
  @inline(__always) public init(widening value: Int8) { self = Int(value) }
  @inline(__always) public init(widening value: Int16) { self = Int(value) }
  @inline(__always) public init(widening value: Int32) { self = Int(value) }
  @inline(__always) public init(widening value: Int64) { self = Int(value) }

  /// The whole part of `value`, within `range`; its lower bound for NaN.
  public init(bounding value: Double, _ range: ClosedRange<Int>) {
    // As doubles the bounds may be rounded up, beyond what an Int holds.
    self =
      value >= Double(range.upperBound)
      ? range.upperBound
      : value > Double(range.lowerBound)
        ? Swift.min(Swift.max(Int(value), range.lowerBound), range.upperBound) : range.lowerBound
  }

  /// The decimal integer that the text is; nil for any other text and beyond the range.
  public init?(text: some StringProtocol) { self.init(text, radix: 10) }
}
