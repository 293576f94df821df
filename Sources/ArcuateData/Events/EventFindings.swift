import ArcuateModel

/// What was odd in a recording: for each kind the place of the first case and how many there were.
struct EventFindings {
  enum Kind: Int, CaseIterable {
    case truncated, broken, badPacket, missingLibrary, beforeClock, withoutBase, backward, outside
    case overflows, triggers, vendorWords, unknownWords, samples, external, invalid, otherPackets
    case payloads, exposures, colors, wideAddresses, badLines, format
  }
  private struct Entry {
    var place: String
    var count: Int
    var detail: String
  }
  private var entries: [Kind: Entry] = [:]

  /// Counts a case at byte `offset`. Not inlined: decoders have it in their loops.
  @inline(never)
  mutating func note(_ kind: Kind, at offset: Int, count: Int = 1, detail: String = "") {
    note(kind, place: "byte \(offset)", count: count, detail: detail)
  }

  mutating func note(
    _ kind: Kind, place: @autoclosure () -> String, count: Int = 1, detail: String = ""
  ) {
    if count == 0 { return }
    if entries[kind] != nil {
      entries[kind]!.count += count
    } else {
      entries[kind] = Entry(place: place(), count: count, detail: detail)
    }
  }

  func count(of kind: Kind) -> Int { entries[kind]?.count ?? 0 }

  /// One finding for each kind.
  var list: [Finding] {
    Kind.allCases.compactMap { kind in
      guard let entry = entries[kind] else { return nil }
      return Finding(kind.severity, entry.place, kind.message(entry.count, entry.detail))
    }
  }
}

extension EventFindings.Kind {
  fileprivate var severity: Finding.Severity {
    switch self {
    case .broken, .missingLibrary: .error
    case .truncated, .badPacket, .beforeClock, .withoutBase, .badLines: .repair
    default: .note
    }
  }

  fileprivate func message(_ n: Int, _ detail: String) -> String {
    switch self {
    case .truncated: "the file is cut short: \(detail)"
    case .broken: "\(detail): the rest is left out"
    case .badPacket: "\(detail): \(n) such packets are left out"
    case .missingLibrary: "\(detail): \(n) packets are left out"
    case .beforeClock: "\(n) words before the clock and the row are known are left out"
    case .withoutBase: "\(n) vector words without a base are left out"
    case .backward: "is earlier than the one before, as are \(n - 1) more: the order is kept"
    case .outside: "is outside the sensor\(detail), as are \(n - 1) more"
    case .overflows: "\(n) overflows of the clock are counted"
    case .triggers: "\(n) external triggers are left out"
    case .vendorWords: "\(n) words of the vendor are left out"
    case .unknownWords: "\(n) words of an unknown type are left out"
    case .samples: "\(n) samples of images or motion are left out"
    case .external: "\(n) external events are left out"
    case .invalid: "\(n) events that the camera marked as invalid are left out"
    case .otherPackets: "\(n) packets without events are left out"
    case .payloads: "\(n) events have payloads in place of pixels: only their times are read"
    case .exposures: "\(n) measurements of exposure are left out"
    case .colors: "\(n) events have colors, which are left out"
    case .wideAddresses: "\(n) addresses exceed 65535: y has their upper bits"
    case .badLines: "\(detail): \(n) such lines are left out"
    case .format: detail
    }
  }
}
