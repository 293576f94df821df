import ArcuateCore

/// Events as lines of text: four numbers separated by commas, semicolons, blanks or tabs.
///
/// The order is that of a line with names (`t`, `x`, `y`, `p` and their usual longer forms). Without
/// one the first event tells: a first number with a point is a time in seconds, `t x y p`; else the
/// polarity is the number among −1, 0 and 1, in third place (`x,y,p,t`) or in the last
/// (`t x y p`). Times with a point are seconds, rounded to microseconds; others are microseconds.
/// Lines that begin with `#` or `%` are comments; a first line of two numbers is the sensor's size.
/// Polarities above 0 are brighter. Lines that are no events are left out and reported.
struct CSVDecoder: EventBlockDecoder {
  private(set) var header: EventHeader
  let room = 1
  let needed = 1
  /// Which number of a line is t, x, y, p; nil before the first event.
  private var order: [Int]?
  private var isLongLine = false

  /// Limit on the bytes of a line.
  private static let longest = 4096

  init(_ header: EventHeader) { self.header = header }

  /// Whether the bytes are text that begins like such lines.
  static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.allSatisfy({ $0 == 9 || $0 == 10 || $0 == 13 || (32..<127).contains($0) }) else {
      return false
    }
    var decoder = CSVDecoder(EventHeader(.csv))
    for line in bytes.split(separator: 10) where !isComment(line) {
      if decoder.event(line) != nil { return true }
      if decoder.order == nil, decoder.header.width == nil { return false }
    }
    return decoder.order != nil
  }

  private static func isComment(_ line: some Collection<UInt8>) -> Bool {
    guard let first = line.first(where: { $0 != 32 && $0 != 13 }) else { return true }
    return first == 0x23 || first == 0x25
  }

  mutating func decode(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Int {
    var i = 0
    while i < bytes.count, out.count < out.capacity {
      var end = i
      while end < bytes.count, bytes[end] != 10 { end += 1 }
      if end == bytes.count {
        guard end - i > CSVDecoder.longest else { return i }
        if !isLongLine { findings.note(.badLines, at: offset + i, detail: "the line is too long") }
        isLongLine = true
        return end
      }
      if isLongLine {
        isLongLine = false
      } else {
        take(bytes[i..<end], at: offset + i, into: out, &findings)
      }
      i = end + 1
    }
    return i
  }

  mutating func finish(
    _ rest: UnsafeRawBufferPointer, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) throws(ArcuateError) -> Bool {
    guard out.count < out.capacity else { return false }
    if !rest.isEmpty { take(rest[...], at: offset, into: out, &findings) }
    return true
  }

  private mutating func take(
    _ line: Slice<UnsafeRawBufferPointer>, at offset: Int, into out: EventColumns,
    _ findings: inout EventFindings
  ) {
    if CSVDecoder.isComment(line) { return }
    if let (t, x, y, p) = event(line) {
      out.append(t, x, y, p)
    } else if order != nil, !CSVDecoder.isNames(line) {
      findings.note(.badLines, at: offset, detail: "the line is no event")
    }
  }

  private static func isNames(_ line: some Sequence<UInt8>) -> Bool {
    line.contains { ($0 | 0x20) == 0x78 || ($0 | 0x20) == 0x79 }
  }

  /// The event of a line; nil for the lines before the first event, and for others.
  private mutating func event(
    _ line: Slice<UnsafeRawBufferPointer>
  ) -> (Int64, UInt16, UInt16, UInt8)? {
    let fields = line.split { [9, 13, 32, 0x2C, 0x3B].contains($0) }
    let numbers = fields.map { CSVNumber($0) }
    if order == nil, !start(fields, numbers) { return nil }
    guard let order, numbers.count > order.max()!, let t = numbers[order[0]]?.microseconds,
      let x = numbers[order[1]].flatMap({ UInt16(exactly: $0.whole) }),
      let y = numbers[order[2]].flatMap({ UInt16(exactly: $0.whole) }),
      let p = numbers[order[3]] ?? CSVNumber(word: fields[order[3]])
    else { return nil }
    return (t, x, y, p.whole > 0 ? 1 : 0)
  }

  /// Finds the order; true if the line is an event.
  private mutating func start(
    _ fields: [Slice<UnsafeRawBufferPointer>], _ numbers: [CSVNumber?]
  ) -> Bool {
    if numbers.count == 2, let width = numbers[0]?.whole, let height = numbers[1]?.whole,
      (1...1 << 15).contains(width), (1...1 << 15).contains(height)
    {
      header.width = header.width ?? Int(clamping: width)
      header.height = header.height ?? Int(clamping: height)
      return false
    }
    let names = fields.map { String(decoding: $0, as: UTF8.self).lowercased() }
    let known = [
      ["t", "time", "timestamp", "timestamps", "ts", "t_us", "timestamp_us"],
      ["x", "col", "column"],
      ["y", "row"], ["p", "pol", "polarity", "on", "polarities"],
    ]
    let places = known.map { known in names.firstIndex { known.contains($0) } }
    if !places.contains(nil) {
      order = places.compactMap { $0 }
      return false
    }
    guard numbers.count >= 4 else { return false }
    func isPolarity(_ i: Int) -> Bool {
      if let number = numbers[i] { return !number.hasPoint && (-1...1).contains(number.whole) }
      return CSVNumber(word: fields[i]) != nil
    }
    guard let first = numbers[0], numbers[1] != nil else { return false }
    if first.hasPoint || isPolarity(3) && !isPolarity(2) {
      order = [0, 1, 2, 3]
    } else if isPolarity(2), numbers[3] != nil {
      order = [3, 0, 1, 2]
    } else if isPolarity(3) {
      order = [0, 1, 2, 3]
    }
    return order != nil
  }
}

/// A decimal number in a line of text.
struct CSVNumber {
  /// The digits before the point, with the sign.
  let whole: Int64
  let hasPoint: Bool
  /// The number as microseconds: of seconds if it has a point.
  let microseconds: Int64

  /// Nil for anything but digits with a sign, a point and an exponent.
  init?(_ text: Slice<UnsafeRawBufferPointer>) {
    var i = text.startIndex
    let isNegative = i < text.endIndex && text[i] == 0x2D
    if isNegative || i < text.endIndex && text[i] == 0x2B { i += 1 }
    var (whole, digits) = (0 as Int64, 0)
    while i < text.endIndex, (0x30...0x39).contains(text[i]) {
      guard whole < 1 << 59 else { return nil }
      whole = 10 * whole + Int64(truncatingIfNeeded: text[i] - 0x30)
      (digits, i) = (digits + 1, i + 1)
    }
    var fraction: Int64 = 0
    hasPoint = i < text.endIndex
    if i < text.endIndex, text[i] == 0x2E {
      i += 1
      var place: Int64 = 100_000
      while i < text.endIndex, (0x30...0x39).contains(text[i]) {
        let digit = Int64(truncatingIfNeeded: text[i] - 0x30)
        // The seventh digit rounds.
        if place > 0 { fraction += digit * place } else if place == 0, digit >= 5 { fraction += 1 }
        place = place > 1 ? place / 10 : place == 1 ? 0 : -1
        (digits, i) = (digits + 1, i + 1)
      }
    }
    guard digits > 0 else { return nil }
    if i < text.endIndex {
      // An exponent, as C prints large and small numbers.
      guard text[i] | 0x20 == 0x65,
        let number = Double(String(decoding: text, as: UTF8.self)), number.magnitude < 1e12
      else { return nil }
      let range = -(1 << 62)...1 << 62
      self.whole = Int64(clamping: Int(bounding: number, range))
      microseconds = Int64(clamping: Int(bounding: (number * 1e6).rounded(), range))
      return
    }
    guard whole < 1 << 43 || !hasPoint else { return nil }
    self.whole = isNegative ? 0 - whole : whole
    let magnitude = hasPoint ? whole * 1_000_000 + fraction : whole
    microseconds = isNegative ? 0 - magnitude : magnitude
  }

  /// "true" and "false" in any case.
  init?(word: Slice<UnsafeRawBufferPointer>) {
    switch String(decoding: word, as: UTF8.self).lowercased() {
    case "true", "on": whole = 1
    case "false", "off": whole = 0
    default: return nil
    }
    (hasPoint, microseconds) = (false, 0)
  }
}
