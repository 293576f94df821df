import ArcuateCore
import ArcuateData

/// A target for each format of event recordings: `events-evt3`, and `events` for any.
let eventTargets: [String: @Sendable (Bytes) throws -> Void] = {
  var targets: [String: @Sendable (Bytes) throws -> Void] = ["events": { try fuzzEvents($0, nil) }]
  for format in EventFormat.allCases {
    targets["events-\(format.rawValue)"] = { try fuzzEvents($0, format) }
  }
  return targets
}()

/// Events in two cuts, which give the same number, that grows with the bytes at most by the largest
/// factor of a format; compressed packets are bounded by their own limit.
private func fuzzEvents(_ bytes: Bytes, _ format: EventFormat?) throws {
  var options = EventOptions(format: format)
  options.timeOrigin = .firstEvent
  let whole = try events(bytes, options, part: max(1, bytes.count))
  let parts = try events(bytes, options, part: 5)
  guard whole == parts else { fatalError("\(whole) and \(parts) events in two cuts") }
  guard whole.count <= 6 * bytes.count || format == .aedat4 || format == nil else {
    fatalError("more events than the bytes can hold")
  }
}

private struct Counts: Equatable {
  var count = 0
  var sum: Int64 = 0
  var findings = 0
}

private func events(_ bytes: Bytes, _ options: EventOptions, part: Int) throws -> Counts {
  let decoder = try EventDecoder(options)
  let columns = try EventColumns(capacity: 100)
  var counts = Counts()
  func take() {
    counts.count += columns.count
    for i in 0..<columns.count {
      let event = columns[i]
      counts.sum = counts.sum &* 31 &+ event.time_us &+ Int64(event.x) &+ Int64(event.y)
    }
    columns.clear()
  }
  var at = 0
  while at < bytes.count {
    let end = min(bytes.count, at + part)
    while at < end {
      let slice = try bytes.slice(at, end - at)
      at += try slice.withUnsafeBytes { memory in try decoder.feed(memory, into: columns) }
      take()
    }
  }
  while try !decoder.finish(into: columns) { take() }
  take()
  counts.findings = decoder.findings.count
  return counts
}
