import ArcuateCore
import ArcuateKernels
import ArcuateRuntime

/// The nonzeros of a signal: by row for the steps that are run together, and by column for all steps.
final class Lists {
  private static let nothing = try! AlignedBuffer(byteCount: 0).view(Float.self, start: 0, count: 0)
  private let rows: Int
  private let values: Row<Float>
  private let raw: RowLists
  private let memory: (lists: View<UInt32>, counts: View<Int32>)
  private var isUnit = true
  private var isListed: [Bool]
  private let batch: Int
  private var byRows = Storage()
  private var byColumns = Storage()
  /// The rows in `byRows` with their lists, and the lists in `byColumns`.
  private var listed: (rows: Range<Int>, lists: BlockedLists)?
  private var transposed: BlockedLists?

  /// Lists of `steps` times `batch` rows of `values`, `stride` apart, `columns` wide.
  init(_ values: Row<Float>, steps: Int, batch: Int, stride: Int, columns: Int) throws(ArcuateError)
  {
    rows = steps * batch
    self.values = values
    self.batch = batch
    memory = (
      try AlignedBuffer(byteCount: (rows * stride + 16) * 4, isZeroed: false)
        .view(start: 0, count: rows * stride + 16),
      try AlignedBuffer(byteCount: max(1, rows) * 4).view(start: 0, count: rows)
    )
    raw = RowLists(
      lists: memory.lists.row, counts: memory.counts.row, stride: stride, columns: columns)
    isListed = [Bool](repeating: false, count: steps)
  }

  func forget() {
    for t in isListed.indices { isListed[t] = false }
    listed = nil
    transposed = nil
    isUnit = true
  }

  /// Lists the rows of some steps that are not listed yet.
  func list(_ steps: Range<Int>, _ pool: ThreadPool) throws(ArcuateError) {
    let missing = steps.filter { !isListed[$0] }
    guard let first = missing.first, let last = missing.last else { return }
    let unit = try pool.allSatisfy(first * batch..<(last + 1) * batch) {
      raw.list(values, range: $0)
    }
    if !unit { isUnit = false }
    for t in missing { isListed[t] = true }
  }

  /// Entries of some rows.
  func entries(_ range: Range<Int>) -> Int {
    var sum = 0
    for r in range { sum += Int(raw.counts[r]) }
    return sum
  }

  /// The number and size of blocks for `indices` in `lists` with `entries`: one block where several
  /// would have only a few entries each, which does not pay for loading the sums.
  private static func blocks(_ indices: Int, lists: Int, entries: Int) -> (count: Int, size: Int) {
    let count = max(1, (indices + BlockedLists.nearby - 1) / BlockedLists.nearby)
    return entries > 6 * lists * count ? (count, BlockedLists.nearby) : (1, max(indices, 1))
  }

  /// The lists of some rows, the first of which is list 0. Needs. They are listed.
  func byRow(_ range: Range<Int>, _ pool: ThreadPool) throws(ArcuateError) -> BlockedLists {
    if let listed, listed.rows == range { return listed.lists }
    let total = entries(range)
    let blocks = Lists.blocks(raw.columns, lists: range.count, entries: total)
    let lists = try byRows.lists(
      rows: range.count, blocks: blocks, entries: total, hasValues: !isUnit)
    try pool.split(range) { part, _ in lists.countRows(raw, part, base: range.lowerBound) }
    lists.computeOffsets(isEnds: false)
    try pool.split(range) { part, _ in
      lists.fillRows(raw, part, base: range.lowerBound, x: values)
    }
    listed = (range, lists)
    return lists
  }

  /// For every column the rows that list it. Needs. Every row is listed.
  func byColumn(_ pool: ThreadPool) throws(ArcuateError) -> BlockedLists {
    if let transposed { return transposed }
    let total = entries(0..<rows)
    let blocks = Lists.blocks(rows, lists: raw.columns, entries: total)
    let lists = try byColumns.lists(
      rows: raw.columns, blocks: blocks, entries: total, hasValues: !isUnit)
    try pool.split(0..<blocks.count) { part, _ in
      lists.countColumns(raw, count: rows, blocks: part)
    }
    lists.computeOffsets(isEnds: true)
    try pool.split(0..<blocks.count) { part, _ in
      lists.fillColumns(raw, count: rows, blocks: part, x: values)
    }
    transposed = lists
    return lists
  }

  /// Memory for lists, which grows.
  private struct Storage {
    var entries: View<UInt32>?
    var values: View<Float>?
    var starts: View<UInt32>?

    mutating func lists(
      rows: Int, blocks: (count: Int, size: Int), entries count: Int, hasValues: Bool
    ) throws(ArcuateError) -> BlockedLists {
      let size = count + count / 4 + 64
      if (entries?.count ?? 0) < count {
        entries = try AlignedBuffer(byteCount: size * 4, isZeroed: false).view(
          start: 0, count: size)
      }
      if entries == nil {
        entries = try AlignedBuffer(byteCount: 64).view(start: 0, count: 16)
      }
      if hasValues, (values?.count ?? 0) < max(count, 1) {
        values = try AlignedBuffer(byteCount: size * 4, isZeroed: false).view(start: 0, count: size)
      }
      let startCount = rows * blocks.count + 1
      if (starts?.count ?? 0) < startCount {
        starts = try AlignedBuffer(byteCount: startCount * 4).view(start: 0, count: startCount)
      }
      return BlockedLists(
        entries: entries!.row, values: hasValues ? values!.row : Lists.nothing.row,
        starts: starts!.row, rows: rows, blocks: blocks.count, size: blocks.size)
    }
  }
}
