/// Lines of a table whose columns are as wide as their widest entry.
///
/// Needs. Every row has as many entries as the head.
package func textTable(
  _ head: [String], rightAligned: Set<Int> = [], _ rows: [[String]]
) -> [String] {
  let widths = head.indices.map { c in ([head] + rows).map { $0[c].count }.max() ?? 0 }
  return ([head] + rows).map { row in
    var line = ""
    for (c, text) in row.enumerated() {
      let padding = String(repeating: " ", count: widths[c] - text.count)
      let isLast = c == row.count - 1
      line += rightAligned.contains(c) ? padding + text : isLast ? text : text + padding
      if !isLast { line += "  " }
    }
    return line
  }
}

/// The number with `digits` digits after the decimal point.
package func fixed(_ value: Double, _ digits: Int) -> String {
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
