import Arcuate
import ArgumentParser

/// Throws. Wrong usage (exit status 64) if the option's value is outside the range.
package func checkRange<T: Comparable>(
  _ option: String, _ value: T?, _ range: ClosedRange<T>
) throws {
  guard let value, !range.contains(value) else { return }
  throw ValidationError(
    "\(option) must be \(range.lowerBound) ... \(range.upperBound), got \(value)")
}

/// Runs a check of the library; what it refuses is wrong usage (exit status 64).
///
/// Messages of the library begin with the name of a field, which becomes the name of the option:
/// "steps_per_frame must be ..." is shown as "--steps-per-frame must be ...".
package func checkOptions(_ check: () throws -> Void) throws {
  do {
    try check()
  } catch let error as ArcuateError {
    let field = error.message.prefix { $0 != " " }
    let option = "--" + field.map { $0 == "_" ? "-" : String($0) }.joined()
    throw ValidationError(option + error.message.dropFirst(field.count))
  }
}
