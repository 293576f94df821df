import Arcuate
import CArcuate

/// A type whose cases have constants in the header. The numbers are part of the ABI: they are stated
/// case by case, never taken from the order of the cases.
protocol HeaderConstant {
  /// The least and the largest constant.
  static var constants: ClosedRange<Int32> { get }
  /// The case of a constant, or nil.
  init?(c value: Int32)
}

extension HeaderConstant {
  /// The case of a constant. Throws. `invalidArgument` naming the argument and its range.
  init(c value: Int32, _ name: StaticString) throws(ArcuateError) {
    guard let result = Self(c: value) else { throw Self.error(value, name) }
    self = result
  }

  /// The case of a constant, or nil for the default, 0. Throws. As above, with 0 in the range.
  static func optional(c value: Int32, _ name: StaticString) throws(ArcuateError) -> Self? {
    if value == 0 { return nil }
    guard let result = Self(c: value) else {
      throw notWithin(0...constants.upperBound, value, name)
    }
    return result
  }

  static func error(_ value: Int32, _ name: StaticString) -> ArcuateError {
    notWithin(constants, value, name)
  }
}

/// The error for a number that no constant has.
func notWithin(_ range: ClosedRange<Int32>, _ value: Int32, _ name: StaticString) -> ArcuateError {
  ArcuateError(
    .invalidArgument, "\(name) must be \(range.lowerBound) ... \(range.upperBound), got \(value)")
}

/// A Boolean option. Throws. `invalidArgument` for a value that is neither 0 nor 1.
func boolean(_ value: Int32, _ name: StaticString) throws(ArcuateError) -> Bool {
  switch value {
  case 0: return false
  case 1: return true
  default: throw ArcuateError(.invalidArgument, "\(name) must be 0 or 1, got \(value)")
  }
}
