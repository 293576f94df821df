import ArcuateCore
import ArcuateMicrokernels

/// For each of many rows a list of indices: who fired, or when.
public struct IndexLists: Sendable {
  public var lists: Row<UInt32>
  /// Beside each index, what it counts for; empty where everything counts 1.
  public var values: Row<Float>
  public var starts: Row<Int>
  public var counts: Row<Int32>

  public init(lists: Row<UInt32>, values: Row<Float>, starts: Row<Int>, counts: Row<Int32>) {
    self.lists = lists
    self.values = values
    self.starts = starts
    self.counts = counts
  }
}

public enum GatherSums {
  /// y[r] = start, or y[r], + the sum of the rows of `source` in list r, for the rows of `range`.
  ///
  /// `width` floats of each row, padded to 16; rows are `sourceStride` and `yStride` apart.
  /// Needs. Lists inside their memory with indices below `sourceRows`: the maker's promise, which
  /// is not checked again here; everything else is.
  public static func apply(
    source: Row<Float>, sourceStride: Int, sourceRows: Int, lists: IndexLists, range: Range<Int>,
    start: Row<Float>?, y: Row<Float>, yStride: Int, width: Int
  ) {
    let padded = (width + 15) & ~15
    guard !range.isEmpty, padded > 0 else { return }
    precondition(
      sourceStride >= padded && yStride >= padded && range.lowerBound >= 0
        && sourceRows * sourceStride <= source.count && range.upperBound * yStride <= y.count
        && range.upperBound <= lists.starts.count && range.upperBound <= lists.counts.count
        && start.map { $0.count >= padded } ?? true, "room for the rows")
    // SAFETY: checked above; the lists by whoever made them.
    gatherSums(
      source: source.pointer, sourceStride: sourceStride, lists: lists.lists.pointer,
      values: lists.values.count > 0 ? UnsafePointer(lists.values.pointer) : nil,
      listStarts: lists.starts.pointer, listCounts: lists.counts.pointer,
      first: range.lowerBound, last: range.upperBound,
      start: start.map { UnsafePointer($0.pointer) },
      y: y.pointer, yStride: yStride, count: padded)
  }

  /// Lists what is not zero in the rows of `range`; whether all of it is exactly 1.
  ///
  /// Row r of `width` floats is at r * stride and its list begins at r * stride as well.
  public static func list(
    _ x: Row<Float>, stride: Int, width: Int, range: Range<Int>, into lists: Row<UInt32>,
    starts: Row<Int>, counts: Row<Int32>
  ) -> Bool {
    precondition(
      width >= 0 && width <= stride && stride & 15 == 0 && range.lowerBound >= 0
        && range.upperBound * stride <= min(x.count, lists.count)
        && range.upperBound <= min(starts.count, counts.count), "room for the lists")
    var unit = true
    for r in range {
      // SAFETY: checked above; rows are padded with zeros to 16.
      let found = nonzeroList(
        x.pointer + r * stride, count: width, list: lists.pointer + r * stride)
      starts[r] = r * stride
      counts[r] = Int32(truncatingIfNeeded: found.count)
      if !found.unit { unit = false }
    }
    return unit
  }

  /// The same lists the other way round: for every index of `columns` the rows that list it,
  /// ascending. `starts` and `counts` have an entry for each column; lists go to `lists` from
  /// `base` on. Returns where they end.
  ///
  /// Needs. `from` holds ascending lists; room for all entries, checked.
  public static func transpose(
    _ from: IndexLists, rows: Int, columns: Range<Int>, into to: IndexLists, base: Int
  ) -> Int {
    precondition(
      rows <= min(from.starts.count, from.counts.count)
        && columns.upperBound <= min(to.starts.count, to.counts.count), "room for the lists")
    for c in columns { to.counts[c] = 0 }
    let low = UInt32(truncatingIfNeeded: columns.lowerBound)
    let high = UInt32(truncatingIfNeeded: columns.upperBound)
    let counts = to.counts.pointer
    // SAFETY: lists of `from` lie inside its memory; columns were compared with the counts' room.
    for r in 0..<rows {
      let list = from.lists.pointer + from.starts.pointer[r]
      for k in 0..<Int(from.counts.pointer[r]) where list[k] >= low && list[k] < high {
        counts[Int(list[k])] &+= 1
      }
    }
    var end = base
    for c in columns {
      to.starts[c] = end
      end += Int(counts[c])
      counts[c] = 0
    }
    precondition(end <= to.lists.count && (to.values.count == 0 || end <= to.values.count))
    let hasValues = to.values.count > 0
    for r in 0..<rows {
      let start = from.starts.pointer[r]
      let list = from.lists.pointer + start
      for k in 0..<Int(from.counts.pointer[r]) where list[k] >= low && list[k] < high {
        let c = Int(list[k])
        let at = to.starts.pointer[c] + Int(counts[c])
        to.lists.pointer[at] = UInt32(truncatingIfNeeded: r)
        if hasValues { to.values.pointer[at] = from.values.pointer[start + k] }
        counts[c] &+= 1
      }
    }
    return end
  }
}
