import Arcuate
import Glibc

/// Writes one line to the standard error.
func say(_ line: String) {
  Progress.clear()
  put(line + "\n")
}

/// Writes to the standard error at once.
func put(_ text: String) {
  var text = text
  text.withUTF8 { bytes in
    // SAFETY: the buffer is valid during the call.
    _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count)
  }
}

func fail(_ error: ArcuateError) { say("arcuate: error: \(error)") }

func warn(_ error: ArcuateError) { say("arcuate: warning: \(error)") }

/// A number with so many digits behind the point.
func fixed(_ value: Double, _ digits: Int) -> String {
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  let scaled = (value * scale).rounded()
  guard scaled.magnitude < 1e15 else { return "\(value)" }
  let whole = Int(scaled.magnitude)
  let text = String(whole)
  let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
  let sign = scaled < 0 ? "-" : ""
  return digits == 0
    ? sign + padded : sign + padded.dropLast(digits) + "." + padded.suffix(digits)
}
