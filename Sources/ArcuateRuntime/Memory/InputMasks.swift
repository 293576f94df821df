import ArcuateCore
import ArcuateKernels

/// Where the rows of a call are not zero, found while its numbers are checked.
///
/// A call's numbers are checked before anything runs. What they are is kept as bits, a thirty-second
/// of the numbers, so that rows of ones are not fetched from memory again.
struct InputMasks {
  /// Masks of a row, sixteen numbers in each.
  private let width: Int
  private let masks: View<UInt16>
  private let units: View<UInt8>
  /// Rows of the call that were kept.
  private(set) var rows = 0

  /// Throws. `outOfMemory`.
  init(count: Int, rows: Int) throws(ArcuateError) {
    width = (count + 15) / 16
    // Written before they are read.
    masks = try AlignedBuffer(byteCount: rows * width * 2, isZeroed: false).view(
      start: 0, count: rows * width)
    units = try AlignedBuffer(byteCount: rows, isZeroed: false).view(start: 0, count: rows)
  }

  static func byteCount(count: Int, rows: Int) -> Int { rows * ((count + 15) / 16 * 2 + 1) }

  /// Checks the rows of a port of `count` numbers a row, and keeps the first of them; returns whether
  /// all of these are finite.
  mutating func keep(_ inputs: InputPorts, port: Int, count: Int) -> Bool {
    rows = 0
    let most = min(units.count, inputs.count(port) / max(count, 1))
    while rows < most {
      let found = maskNonzero(
        inputs.numbers(port, from: rows * count, count: count),
        masks: masks.row.part(rows * width, width))
      if !found.finite {
        rows = 0
        return false
      }
      units[rows] = found.unit ? 1 : 0
      rows += 1
    }
    return true
  }

  /// Whether row `r` of the call was kept and has nothing but zeros and ones.
  @inline(__always)
  func isUnit(_ r: Int) -> Bool { r < rows && units.row[r] != 0 }

  @inline(__always)
  func list(_ r: Int, count: Int, into list: Row<UInt32>) -> NonzeroCount {
    findNonzero(masks: masks.row.part(r * width, width), count: count, list: list)
  }
}
