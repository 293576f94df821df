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
