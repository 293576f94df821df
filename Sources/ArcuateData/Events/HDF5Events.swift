import ArcuateCore
import ArcuateFormats

/// Columns of events in an HDF5 file: `/CD/events` as Prophesee writes it, also with its codec, a
/// dataset `/events` of the same kind, or datasets t, x, y and p in the group `/events`.
///
/// Integer times are microseconds, floating-point ones seconds; `/t_offset` is added to the times of
/// the group.
struct HDF5Events: WholeFileEvents {
  static let formatName = "an HDF5"
  /// One column, read chunk by chunk.
  private struct Column {
    let table: HDF5Table
    let field: Int
    var chunk = -1
    var loaded: HDF5Table.Chunk?

    /// Makes the chunk with element `i` the loaded one.
    mutating func load(_ i: Int) throws(ArcuateError) -> HDF5Table.Chunk {
      while true {
        if let loaded, i < loaded.first + loaded.count {
          guard i >= loaded.first else {
            throw ArcuateError(.truncated, "the chunk of element \(i) is missing")
          }
          return loaded
        }
        chunk += 1
        guard chunk < table.chunkCount else {
          throw ArcuateError(.truncated, "the chunk of element \(i) is missing")
        }
        loaded = try table.plain(chunk)
      }
    }

    mutating func integer(_ i: Int) throws(ArcuateError) -> Int64 {
      let loaded = try load(i)
      return try table.fields[field].integer(loaded.bytes, (i - loaded.first) * table.stride)
    }

    /// A time in microseconds.
    mutating func time(_ i: Int) throws(ArcuateError) -> Int64 {
      guard table.fields[field].isReal else { return try integer(i) }
      let loaded = try load(i)
      let seconds = try table.fields[field].number(
        loaded.bytes, (i - loaded.first) * table.stride)
      return Int64(clamping: Int(bounding: (seconds * 1e6).rounded(), -(1 << 62)...1 << 62))
    }
  }
  private var columns: [Column] = []
  /// The dataset of compressed chunks, and the one that is handed over.
  private var compressed: HDF5Table?
  private var chunk = -1
  private var events: (first: Int, count: Int, ECFChunk)?
  private var offset: Int64 = 0
  let count: Int

  private static let names = [
    ["t", "ts", "time", "timestamp", "timestamps"], ["x", "xs"], ["y", "ys"],
    ["p", "ps", "pol", "polarity", "on"],
  ]

  /// Throws. `notFound`, `truncated`, `malformed`, `unsupportedFormat`, `limitExceeded`.
  init(_ bytes: Bytes) throws(ArcuateError) {
    for path in [["CD", "events"], ["events"]] {
      guard let table = try HDF5Table(bytes, path: path), table.fields.count > 1 else { continue }
      count = table.count
      if table.filters == [ECFChunk.filter] {
        compressed = table
        return
      }
      for names in HDF5Events.names {
        guard let field = table.fields.firstIndex(where: { names.contains($0.name.lowercased()) })
        else {
          throw ArcuateError(
            .notFound, "\(path.joined(separator: "/")) has no field \"\(names[0])\"")
        }
        columns.append(Column(table: table, field: field))
      }
      return
    }
    for names in HDF5Events.names {
      var table: HDF5Table?
      for name in names where table == nil {
        table = try HDF5Table(bytes, path: ["events", name])
      }
      guard let table else {
        throw ArcuateError(
          .notFound, "has neither CD/events nor events nor events/\(names[0])")
      }
      columns.append(Column(table: table, field: 0))
    }
    count = columns[0].table.count
    guard columns.allSatisfy({ $0.table.count == count }) else {
      throw ArcuateError(
        .shapeMismatch, "t, x, y and p have \(columns.map(\.table.count)) elements")
    }
    if let table = try HDF5Table(bytes, path: ["t_offset"]), table.count == 1 {
      offset = try table.fields[0].integer(try table.plain(0).bytes, 0)
    }
  }

  /// Appends events from `start` on as long as there is room, and returns where it stopped.
  mutating func append(from start: Int, to out: EventColumns) throws(ArcuateError) -> Int {
    var i = start
    while i < count, out.count < out.capacity {
      if compressed != nil {
        i = try appendCompressed(i, to: out)
        continue
      }
      let time = try columns[0].time(i)
      let (x, y, p) = (
        try columns[1].integer(i), try columns[2].integer(i), try columns[3].integer(i)
      )
      guard let x = UInt16(exactly: x), let y = UInt16(exactly: y) else {
        throw ArcuateError(.malformed, "pixel (\(x), \(y)) is out of range", at: "event \(i)")
      }
      out.append(time &+ offset, x, y, p > 0 ? 1 : 0)
      i += 1
    }
    return i
  }

  private mutating func appendCompressed(
    _ start: Int, to out: EventColumns
  ) throws(ArcuateError) -> Int {
    guard let table = compressed else { return start }
    while events.map({ start >= $0.first + $0.count }) ?? true {
      chunk += 1
      guard chunk < table.chunkCount else {
        throw ArcuateError(.truncated, "the chunk of event \(start) is missing")
      }
      let stored = try table.stored(chunk)
      let decoded = try within("chunk \(chunk)") { () throws(ArcuateError) in
        try ECFChunk(stored.bytes)
      }
      guard decoded.t.count >= stored.count else {
        throw ArcuateError(
          .malformed, "has \(decoded.t.count) events, not \(stored.count)", at: "chunk \(chunk)")
      }
      events = (stored.first, stored.count, decoded)
    }
    guard let (first, count, decoded) = events, start >= first else {
      throw ArcuateError(.truncated, "the chunk of event \(start) is missing")
    }
    let end = min(first + count, start + out.capacity - out.count)
    for i in start..<end {
      let k = i - first
      out.append(decoded.t[k], decoded.x[k], decoded.y[k], decoded.p[k])
    }
    return end
  }
}
