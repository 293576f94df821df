import Arcuate
import ArcuateConsole
import ArcuateData

/// Frames put side by side: each with those before and after it, the edges repeated.
struct Splicing {
  let left: Int
  let right: Int

  /// Throws. `invalidArgument` outside 0 ... 10000.
  init(left: Int, right: Int) throws {
    guard (0...10_000).contains(left), (0...10_000).contains(right) else {
      throw ArcuateError(.invalidArgument, "frames cannot be spliced \(left) left, \(right) right")
    }
    self.left = left
    self.right = right
  }

  var width: Int { left + 1 + right }

  /// Throws. `shapeMismatch` if frames of `columns` numbers do not make `needed`.
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
      "frames of \(columns) numbers\(spliced), where the model takes \(needed)" + advice)
  }

  /// Writes frame `frame` of `matrix`, spliced, from `start`.
  func write(_ matrix: KaldiMatrix, _ frame: Int, into row: inout [Float], at start: Int) {
    var at = start
    for place in frame - left...frame + right {
      let source = min(max(place, 0), matrix.rows - 1) * matrix.columns
      for i in source..<source + matrix.columns {
        row[at] = matrix.values[i]
        at += 1
      }
    }
  }
}
