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
