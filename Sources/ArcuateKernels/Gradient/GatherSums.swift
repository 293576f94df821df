import ArcuateCore
import ArcuateMicrokernels

/// The ascending indices of the nonzero elements of each of many rows.
///
/// List r begins at r * stride, as does row r of the values that it lists.
public struct RowLists: Sendable {
  public var lists: Row<UInt32>
  public var counts: Row<Int32>
  public var stride: Int
  /// All indices are below this.
  public var columns: Int

  public init(lists: Row<UInt32>, counts: Row<Int32>, stride: Int, columns: Int) {
    self.lists = lists
    self.counts = counts
    self.stride = stride
    self.columns = columns
  }

  /// Lists the rows of `range`; whether everything listed is exactly 1.
  /// Needs. Rows padded with zeros to 16.
  public func list(_ x: Row<Float>, range: Range<Int>) -> Bool {
    precondition(
      columns >= 0 && columns <= stride && stride & 15 == 0 && range.lowerBound >= 0
        && range.upperBound * stride <= min(x.count, lists.count)
        && range.upperBound <= counts.count, "scratch for the lists")
    var unit = true
    for r in range {
      // SAFETY: checked above.
      let found = nonzeroList(
        x.pointer + r * stride, count: columns, list: lists.pointer + r * stride)
      counts[r] = Int32(truncatingIfNeeded: found.count)
      if !found.unit { unit = false }
    }
    return unit
  }
}

/// Lists cut into blocks of the indices, as `gatherSums` reads them.
///
/// Made in three passes: how many entries each part has, where each begins, and the entries.
public struct BlockedLists: Sendable {
  public var entries: Row<UInt32>
  /// Beside each entry, what it counts for; empty where everything counts 1.
  public var values: Row<Float>
  /// [blocks][rows], and one more.
  public var starts: Row<UInt32>
  public var rows: Int
  public var blocks: Int
  /// Indices of a block.
  public var size: Int

  /// Indices whose rows of a panel of 64 floats stay in the first-level cache.
  public static let nearby = 96

  public init(
    entries: Row<UInt32>, values: Row<Float>, starts: Row<UInt32>, rows: Int, blocks: Int, size: Int
  ) {
    precondition(
      rows >= 0 && blocks > 0 && size > 0 && rows * blocks < starts.count, "scratch for the starts")
    self.entries = entries
    self.values = values
    self.starts = starts
    self.rows = rows
    self.blocks = blocks
    self.size = size
  }

  /// Turns counts into beginnings; with `isEnds`, into ends. Returns the number of entries.
  @discardableResult
  public func computeOffsets(isEnds: Bool) -> Int {
    var total: UInt32 = 0
    for i in 0..<rows * blocks {
      let count = starts.pointer[i]
      starts.pointer[i] = isEnds ? total &+ count : total
      total &+= count
    }
    starts[rows * blocks] = total
    precondition(
      Int(total) <= entries.count && (values.count == 0 || Int(total) <= values.count),
      "scratch for the entries")
    return Int(total)
  }

  // MARK: By row

  /// The first pass for lists `range`, of which list `base` is the first here.
  public func countRows(_ from: RowLists, _ range: Range<Int>, base: Int) {
    check(from, range, base)
    for r in range {
      let list = from.lists.pointer + r * from.stride
      let count = Int(from.counts.pointer[r])
      var k = 0
      for b in 0..<blocks {
        let begin = k
        let end = UInt32(truncatingIfNeeded: (b + 1) * size)
        if b == blocks - 1 { k = count } else { while k < count && list[k] < end { k &+= 1 } }
        starts.pointer[b * rows + r - base] = UInt32(truncatingIfNeeded: k &- begin)
      }
    }
  }

  /// The last pass; `x` are the values that were listed.
  public func fillRows(_ from: RowLists, _ range: Range<Int>, base: Int, x: Row<Float>) {
    check(from, range, base)
    precondition(values.count == 0 || range.upperBound * from.stride <= x.count)
    let total = Int(starts[rows * blocks])
    precondition(total <= entries.count && (values.count == 0 || total <= values.count))
    for r in range {
      let list = from.lists.pointer + r * from.stride
      let row = x.pointer + r * from.stride
      var k = 0
      for b in 0..<blocks {
        let at = b * rows + r - base
        let (begin, end) = (Int(starts.pointer[at]), Int(starts.pointer[at + 1]))
        for position in begin..<end {
          entries.pointer[position] = list[k]
          if values.count > 0 { values.pointer[position] = row[Int(list[k])] }
          k &+= 1
        }
      }
    }
  }

  private func check(_ from: RowLists, _ range: Range<Int>, _ base: Int) {
    precondition(
      range.lowerBound >= base && range.upperBound <= base + rows && base >= 0
        && range.upperBound * from.stride <= from.lists.count
        && range.upperBound <= from.counts.count && from.columns <= size * blocks,
      "scratch for the lists")
  }

  // MARK: By column

  /// The first pass over the columns of `from`: blocks are of its rows, of which there are `count`.
  public func countColumns(_ from: RowLists, count: Int, blocks range: Range<Int>) {
    checkColumns(from, count, range)
    for b in range {
      let counts = starts.pointer + b * rows
      for c in 0..<rows { counts[c] = 0 }
      for r in b * size..<min(count, (b + 1) * size) {
        let list = from.lists.pointer + r * from.stride
        for k in 0..<Int(from.counts.pointer[r]) { counts[Int(list[k])] &+= 1 }
      }
    }
  }

  /// The last pass; starts hold ends, and become beginnings.
  public func fillColumns(_ from: RowLists, count: Int, blocks range: Range<Int>, x: Row<Float>) {
    checkColumns(from, count, range)
    precondition(values.count == 0 || count * from.stride <= x.count)
    for b in range {
      let ends = starts.pointer + b * rows
      for r in (b * size..<min(count, (b + 1) * size)).reversed() {
        let list = from.lists.pointer + r * from.stride
        let row = x.pointer + r * from.stride
        for k in 0..<Int(from.counts.pointer[r]) {
          let c = Int(list[k])
          let position = ends[c] &- 1
          ends[c] = position
          entries.pointer[Int(position)] = UInt32(truncatingIfNeeded: r)
          if values.count > 0 { values.pointer[Int(position)] = row[c] }
        }
      }
    }
  }

  private func checkColumns(_ from: RowLists, _ count: Int, _ range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= blocks && rows >= from.columns
        && count <= size * blocks && count * from.stride <= from.lists.count
        && count <= from.counts.count, "scratch for the lists")
  }

  // MARK: Sums

  /// y[r] = start, or y[r], + the sum of the rows of `source` that list r names, for the lists of
  /// `range`; the row of list 0 is the first of `y`.
  ///
  /// `width` floats of each row, padded to 16; rows are `sourceStride` and `yStride` apart.
  /// Needs. Lists that the passes above made, with indices below `sourceRows`.
  public func gather(
    source: Row<Float>, sourceStride: Int, sourceRows: Int, range: Range<Int>, start: Row<Float>?,
    y: Row<Float>, yStride: Int, width: Int
  ) {
    let padded = (width + 15) & ~15
    guard !range.isEmpty, padded > 0 else { return }
    precondition(
      sourceStride >= padded && yStride >= padded && range.lowerBound >= 0
        && range.upperBound <= rows && sourceRows * sourceStride <= source.count
        && range.upperBound * yStride <= y.count && start.map { $0.count >= padded } ?? true,
      "buffer too small for the rows")
    // SAFETY: checked above; entries and starts were made by the passes above.
    gatherSums(
      source: source.pointer, sourceStride: sourceStride, entries: entries.pointer,
      values: values.count > 0 ? UnsafePointer(values.pointer) : nil, starts: starts.pointer,
      rows: rows, blocks: blocks, first: range.lowerBound, last: range.upperBound,
      start: start.map { UnsafePointer($0.pointer) }, y: y.pointer, yStride: yStride, count: padded)
  }
}
