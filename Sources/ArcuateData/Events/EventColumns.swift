import ArcuateCore

/// Events as columns of fixed capacity: time, x, y and polarity.
///
/// Decoders write several events at once, so that the last `slack` elements of the memory are
/// never counted.
public final class EventColumns {
  /// Events that fit.
  public let capacity: Int
  public internal(set) var count = 0
  let t: UnsafeMutablePointer<Int64>
  let x: UnsafeMutablePointer<UInt16>
  let y: UnsafeMutablePointer<UInt16>
  let p: UnsafeMutablePointer<UInt8>
  private let owner: AnyObject?

  /// Elements at the end of the memory that are written but never counted.
  public static let slack = 64
  /// Events that a reader decodes at once: their columns stay in the cache.
  public static let usualCapacity = 1 << 14

  /// Throws. `invalidArgument` below 64 events; `outOfMemory`.
  public init(capacity: Int = usualCapacity) throws(ArcuateError) {
    guard capacity >= EventColumns.slack, capacity <= 1 << 32 else {
      throw ArcuateError(.invalidArgument, "columns of \(capacity) events are out of range")
    }
    let places = (capacity + EventColumns.slack + 63) & ~63
    let block = try AlignedBuffer(byteCount: 13 * places, isZeroed: false)
    // SAFETY: the block has 13 bytes for each event: 8 + 2 + 2 + 1, in columns aligned to 64 bytes.
    t = block.base.assumingMemoryBound(to: Int64.self)
    x = (block.base + 8 * places).assumingMemoryBound(to: UInt16.self)
    y = (block.base + 10 * places).assumingMemoryBound(to: UInt16.self)
    p = (block.base + 12 * places).assumingMemoryBound(to: UInt8.self)
    self.capacity = capacity
    owner = block
  }

  /// Columns in the caller's memory of `places` elements each, of which the last `slack` stay free.
  ///
  /// Needs. The memory outlives the columns, and nobody else uses it meanwhile.
  public init(
    unsafe t: UnsafeMutablePointer<Int64>, _ x: UnsafeMutablePointer<UInt16>,
    _ y: UnsafeMutablePointer<UInt16>, _ p: UnsafeMutablePointer<UInt8>, places: Int
  ) {
    precondition(places >= 2 * EventColumns.slack, "columns need room")
    // SAFETY: the caller keeps the memory.
    (self.t, self.x, self.y, self.p) = (t, x, y, p)
    capacity = places - EventColumns.slack
    owner = nil
  }

  /// Forgets the events.
  public func clear() { count = 0 }

  /// The times in microseconds, in the order of the file.
  public var times: [Int64] { copy(t) }
  public var xs: [UInt16] { copy(x) }
  public var ys: [UInt16] { copy(y) }
  /// 1 for brighter, 0 for darker.
  public var polarities: [UInt8] { copy(p) }

  private func copy<T>(_ column: UnsafeMutablePointer<T>) -> [T] {
    // SAFETY: the first `count` elements are initialized.
    [T](UnsafeBufferPointer(start: column, count: count))
  }

  /// The event at `index`. Needs. `index` < `count`; checked.
  public subscript(index: Int) -> EventRecording.Change {
    precondition(index >= 0 && index < count, "an event of the columns")
    return .init(time_us: t[index], x: x[index], y: y[index], on: p[index] != 0)
  }

  /// The number of brighter events, the largest x and y, and the earliest and latest time.
  public var extremes: (brighter: Int, right: Int, bottom: Int, least: Int64, most: Int64) {
    var (brighter, right, bottom) = (0, 0 as UInt16, 0 as UInt16)
    var (least, most) = (Int64.max, Int64.min)
    for i in 0..<count {
      brighter &+= Int(widening: p[i])
      right = max(right, x[i])
      bottom = max(bottom, y[i])
      least = min(least, t[i])
      most = max(most, t[i])
    }
    return (brighter, Int(widening: right), Int(widening: bottom), least, most)
  }

  /// Copies `count` events from `start` on into the caller's arrays.
  ///
  /// Needs. The events exist, which is checked, and the arrays have as many elements.
  public func copy(
    from start: Int, _ count: Int, _ t: UnsafeMutablePointer<Int64>,
    _ x: UnsafeMutablePointer<UInt16>, _ y: UnsafeMutablePointer<UInt16>,
    _ p: UnsafeMutablePointer<UInt8>
  ) {
    precondition(start >= 0 && count >= 0 && start + count <= self.count, "events of the columns")
    // SAFETY: the caller has room for `count` events.
    t.update(from: self.t + start, count: count)
    x.update(from: self.x + start, count: count)
    y.update(from: self.y + start, count: count)
    p.update(from: self.p + start, count: count)
  }

  /// Adds one event; for formats whose decoding is slow in any case.
  func append(_ time: Int64, _ px: UInt16, _ py: UInt16, _ on: UInt8) {
    precondition(count < capacity, "columns are full")
    (t[count], x[count], y[count], p[count]) = (time, px, py, on)
    count += 1
  }
}
