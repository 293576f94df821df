import ArcuateCore
import ArcuateKernels

/// What a node emits in all steps of all samples, and its gradient.
///
/// Row step * batch + sample holds one sample at one step. A signal that is the same at every step
/// has the rows of one step.
final class Signal {
  let name: String
  let shape: Shape
  let batch: Int
  /// Steps it has rows for: 1 or all.
  let steps: Int
  let stride: Int
  /// Whether it is mostly zeros: consumers may go through lists.
  let isSparse: Bool
  /// Whether anything that learns lies before it.
  var needsGradient = false
  private(set) var values: View<Float>
  private var gradientStorage: View<Float>?
  private var isWritten: [Bool]
  private var lists: Lists?

  var width: Int { shape.count }
  var rows: Int { steps * batch }

  /// With `values`, the signal is a part of what somebody else keeps.
  init(
    _ name: String, _ shape: Shape, batch: Int, steps: Int, isSparse: Bool,
    values: View<Float>? = nil
  ) throws {
    self.name = name
    self.shape = shape
    self.batch = batch
    self.steps = steps
    self.isSparse = isSparse
    stride = Parameter.distance(shape.count)
    self.values = try values ?? Signal.room(steps * batch, stride)
    isWritten = [Bool](repeating: false, count: steps)
  }

  static func room(_ rows: Int, _ stride: Int) throws -> View<Float> {
    try AlignedBuffer(byteCount: max(1, rows) * stride * 4)
      .view(start: 0, count: max(1, rows) * stride)
  }

  /// The step whose rows hold step `t`.
  func place(_ t: Int) -> Int { steps == 1 ? 0 : t }

  func row(_ r: Int) -> Row<Float> { values.row.part(r * stride, stride) }
  func row(_ t: Int, _ b: Int) -> Row<Float> { row(place(t) * batch + b) }

  // MARK: Gradient

  /// The rows of gradients. The first time it is asked for it is made.
  var gradient: View<Float> {
    get throws {
      if let gradientStorage { return gradientStorage }
      let made = try Signal.room(rows, stride)
      gradientStorage = made
      return made
    }
  }

  /// Lets the gradient lie where the values do, which nobody needs once it is written.
  func sharesGradient() { gradientStorage = values }

  func forgetGradient() {
    for t in isWritten.indices { isWritten[t] = false }
    lists?.forget()
  }

  /// Whether the gradient at step `t` holds something already, so that more is added; it does from
  /// now on.
  func adds(_ t: Int) -> Bool {
    let place = place(t)
    defer { isWritten[place] = true }
    return isWritten[place]
  }

  /// The same for several steps of which all or none were written; others are made zero first.
  func adds(_ range: Range<Int>) throws -> Bool {
    let some = range.contains { isWritten[place($0)] }
    if some { try settle(range) }
    for t in range { isWritten[place(t)] = true }
    return some
  }

  /// Makes the gradient zero where nothing was written.
  func settle(_ range: Range<Int>) throws {
    for t in range where !isWritten[place(t)] {
      try gradient.row.part(place(t) * batch * stride, batch * stride).fill(0)
      isWritten[place(t)] = true
    }
  }

  func gradientRow(_ r: Int) throws -> Row<Float> {
    try gradient.row.part(r * stride, stride)
  }

  // MARK: Lists

  /// The lists of what is not zero in the rows of some steps, made when first asked for.
  func listed(_ range: Range<Int>, _ crew: Crew) throws -> Lists {
    if lists == nil { lists = try Lists(rows: rows, steps: steps, stride: stride, columns: width) }
    let lists = lists!
    let missing = range.map(place).filter { !lists.isListed[$0] }
    if let first = missing.first, let last = missing.last {
      try lists.list(
        values.row, stride: stride, width: width, rows: first * batch..<(last + 1) * batch, crew)
      for t in missing { lists.isListed[t] = true }
    }
    return lists
  }
}

/// What is not zero in the rows of a signal, by row and, once, by column.
final class Lists {
  private static let nothing = try! AlignedBuffer(byteCount: 0).view(Float.self, start: 0, count: 0)
  let rows, stride, columns: Int
  private let lists: View<UInt32>
  private let starts: View<Int>
  private let counts: View<Int32>
  private var values: View<Float>?
  fileprivate var isListed: [Bool]
  private var isUnit = true
  private var transposed: IndexLists?
  private var transposedRoom: (lists: View<UInt32>, values: View<Float>)?
  private let columnStarts: View<Int>
  private let columnCounts: View<Int32>

  init(rows: Int, steps: Int, stride: Int, columns: Int) throws {
    (self.rows, self.stride, self.columns) = (rows, stride, columns)
    lists = try AlignedBuffer(byteCount: (rows * stride + 16) * 4, isZeroed: false)
      .view(start: 0, count: rows * stride + 16)
    starts = try AlignedBuffer(byteCount: max(1, rows) * 8).view(start: 0, count: rows)
    counts = try AlignedBuffer(byteCount: max(1, rows) * 4).view(start: 0, count: rows)
    columnStarts = try AlignedBuffer(byteCount: max(1, columns) * 8).view(start: 0, count: columns)
    columnCounts = try AlignedBuffer(byteCount: max(1, columns) * 4).view(start: 0, count: columns)
    isListed = [Bool](repeating: false, count: steps)
  }

  func forget() {
    for t in isListed.indices { isListed[t] = false }
    transposed = nil
    isUnit = true
  }

  fileprivate func list(
    _ x: Row<Float>, stride: Int, width: Int, rows: Range<Int>, _ crew: Crew
  ) throws {
    let unit = crew.all(rows) {
      GatherSums.list(
        x, stride: stride, width: width, range: $0, into: self.lists.row, starts: self.starts.row,
        counts: self.counts.row)
    }
    if !unit { isUnit = false }
    guard !isUnit else { return }
    if values == nil {
      values = try AlignedBuffer(byteCount: (self.rows * stride + 16) * 4, isZeroed: false)
        .view(start: 0, count: self.rows * stride + 16)
    }
    // Rows that were listed while everything was 1 need values as well.
    for r in 0..<rows.upperBound {
      for k in starts[r]..<starts[r] + Int(counts[r]) { values![k] = x[r * stride + Int(lists[k])] }
    }
  }

  var byRow: IndexLists {
    IndexLists(
      lists: lists.row, values: isUnit ? Lists.nothing.row : values!.row, starts: starts.row,
      counts: counts.row)
  }

  /// Entries of some rows.
  func entries(_ range: Range<Int>) -> Int { range.reduce(0) { $0 + Int(counts[$1]) } }

  /// For every column the rows that list it. Needs. Every row is listed.
  func byColumn(_ crew: Crew) throws -> IndexLists {
    if let transposed { return transposed }
    let total = entries(0..<rows)
    if (transposedRoom?.lists.count ?? 0) < total + 16 {
      let room = total + total / 4 + 64
      transposedRoom = (
        try AlignedBuffer(byteCount: room * 4, isZeroed: false).view(start: 0, count: room),
        try AlignedBuffer(byteCount: room * 4, isZeroed: false).view(start: 0, count: room)
      )
    }
    let into = IndexLists(
      lists: transposedRoom!.lists.row,
      values: isUnit ? Lists.nothing.row : transposedRoom!.values.row, starts: columnStarts.row,
      counts: columnCounts.row)
    // One thread: where a part begins depends on all before it.
    _ = GatherSums.transpose(byRow, rows: rows, columns: 0..<columns, into: into, base: 0)
    transposed = into
    return into
  }
}
