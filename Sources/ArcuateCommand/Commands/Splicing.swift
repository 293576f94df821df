import Arcuate
import ArcuateConsole
import ArcuateData

/// Splicing: each frame is concatenated with those before and after it; edge frames are repeated.
struct Splicing {
  let left: Int
  let right: Int

  /// The widths that `init` accepts on either side.
  static let widths = 0...10_000

  /// Throws. `invalidArgument` outside `widths`.
  init(left: Int, right: Int) throws {
    for (name, value) in [("splice_left", left), ("splice_right", right)]
    where !Self.widths.contains(value) {
      throw ArcuateError(
        .invalidArgument,
        "\(name) must be \(Self.widths.lowerBound) ... \(Self.widths.upperBound), got \(value)")
    }
    self.left = left
    self.right = right
  }

  var width: Int { left + 1 + right }

  /// Throws. `shapeMismatch` if spliced frames of `columns` values do not have `needed` values.
  func check(columns: Int, needed: Int) throws {
    if columns * width == needed { return }
    var advice = ""
    if columns > 0, needed % columns == 0, needed / columns % 2 == 1, needed / columns > 1 {
      let context = needed / columns / 2
      advice = "; --splice-left \(context) --splice-right \(context) would fit"
    }
    let spliced = width == 1 ? "" : ", spliced \(width) side by side: \(columns * width)"
    if width > 1, needed % width == 0 { advice += "; frames of \(needed / width) would fit" }
    throw ArcuateError(
      .shapeMismatch,
      "frames of \(columns) values\(spliced), but the model takes \(needed)" + advice)
  }

  /// Writes frame `frame` of `matrix`, spliced, to `row` from `start` on.
  func write(_ matrix: KaldiMatrix, _ frame: Int, into row: inout [Float], at start: Int) {
    var at = start
    for neighbor in frame - left...frame + right {
      let source = min(max(neighbor, 0), matrix.rows - 1) * matrix.columns
      for i in source..<source + matrix.columns {
        row[at] = matrix.values[i]
        at += 1
      }
    }
  }
}
