import ArcuateCore

/// The lines of text before the events of Prophesee and AEDAT 2 and 3 files.
struct EventHeaderLines {
  enum Kind { case prophesee, aedat2, aedat3 }
  private let kind: Kind
  private(set) var isComplete = false
  /// The line that has not ended yet.
  private var line: [UInt8] = []
  private var lines: [String] = []

  /// Limit on the bytes of a line; longer ones, and all after the first thousands, are dropped.
  private static let longest = 1 << 16
  private static let most = 4096

  init(_ kind: Kind) { self.kind = kind }

  /// Whether a line has begun that has no end.
  var isInsideLine: Bool { !line.isEmpty }

  /// Takes bytes up to the end of the header and returns how many.
  ///
  /// Whether a line belongs to it shows at its first two bytes, which stay until then.
  mutating func take(_ bytes: UnsafeRawBufferPointer, isEnd: Bool) -> Int {
    var i = 0
    while i < bytes.count, !isComplete {
      if line.isEmpty, !begins(bytes, i, isEnd: isEnd) {
        if !isComplete { return i }
        break
      }
      let byte = bytes[i]
      i += 1
      if byte == 0x0A {
        end()
      } else if line.count < EventHeaderLines.longest {
        line.append(byte)
      }
    }
    return i
  }

  /// Whether a line of the header begins at `i`; sets `isComplete` if none does.
  private mutating func begins(_ bytes: UnsafeRawBufferPointer, _ i: Int, isEnd: Bool) -> Bool {
    switch kind {
    case .aedat2, .aedat3:
      isComplete = bytes[i] != 0x23
      return !isComplete
    case .prophesee:
      if bytes[i] != 0x25 {
        isComplete = true
      } else if i + 1 < bytes.count {
        isComplete = bytes[i + 1] != 0x20
      } else {
        isComplete = isEnd
        return false
      }
      return !isComplete
    }
  }

  private mutating func end() {
    if line.last == 0x0D { line.removeLast() }
    let text = String(decoding: line, as: UTF8.self)
    line.removeAll(keepingCapacity: true)
    if lines.count < EventHeaderLines.most { lines.append(text) }
    switch kind {
    case .prophesee: isComplete = text == "% end"
    case .aedat3: isComplete = text == "#!END-HEADER"
    case .aedat2: break
    }
  }

  /// The decoder that the lines ask for. Throws. `unsupportedFormat`.
  func decoder(_ options: EventOptions) throws(ArcuateError) -> any EventBlockDecoder {
    func header(_ format: EventFormat) -> EventHeader {
      var header = EventHeader(format)
      (header.width, header.height) = (options.width, options.height)
      return header
    }
    switch kind {
    case .aedat3: return AEDAT3Decoder(header(.aedat3))
    case .aedat2: return AEDAT2Decoder(header(.aedat2), camera: options.camera ?? camera)
    case .prophesee: break
    }
    let format = options.format ?? propheseeFormat
    var start = header(format)
    let (width, height) = size
    start.width = start.width ?? width
    start.height = start.height ?? height
    switch format {
    case .evt2: return EVT2Decoder(start)
    case .evt3: return EVT3Decoder(start)
    case .evt21:
      let order = part("endianness")
      return EVT21Decoder(start, isSwapped: order.map { $0 == "legacy" })
    case .dat:
      // Without a line about it a file is of the current version.
      return DATDecoder(start, version: value("Version").flatMap { Int(text: $0) } ?? 2)
    default:
      throw ArcuateError(
        .invalidArgument, "begins like a Prophesee file and cannot be read as \(format.title)")
    }
  }

  /// The camera that a line of AEDAT 2 names.
  private var camera: EventOptions.Camera {
    let text = lines.first { $0.contains("AEChip:") }?.lowercased() ?? ""
    if text.contains("davis") { return text.contains("346") ? .davis346 : .davis240 }
    return .dvs128
  }

  private var propheseeFormat: EventFormat {
    let version = value("evt") ?? ""
    let name = value("format")?.prefix { $0 != ";" } ?? ""
    if name == "EVT3" || version == "3.0" { return .evt3 }
    if name == "EVT21" || version == "2.1" { return .evt21 }
    if name == "EVT2" || version == "2.0" { return .evt2 }
    return .dat
  }

  /// The size of the sensor, as the lines of the versions of the software write it.
  private var size: (Int?, Int?) {
    func extent(_ text: (some StringProtocol)?) -> Int? {
      text.flatMap { Int(text: $0) }.flatMap { (1...1 << 15).contains($0) ? $0 : nil }
    }
    if let width = extent(part("width")), let height = extent(part("height")) {
      return (width, height)
    }
    if let pair = value("geometry")?.split(separator: "x"), pair.count == 2 {
      return (extent(pair[0]), extent(pair[1]))
    }
    return (extent(value("Width") ?? value("width")), extent(value("Height") ?? value("height")))
  }

  /// What follows a key in a line of its own.
  private func value(_ key: String) -> Substring? {
    for line in lines where line.dropFirst(2).hasPrefix(key + " ") {
      let text = line.dropFirst(2 + key.count + 1)
      return text.drop { $0 == " " }.prefix { $0 != " " }
    }
    return nil
  }

  /// A part `key=value` of the line "format".
  private func part(_ key: String) -> Substring? {
    guard let parts = value("format")?.split(separator: ";") else { return nil }
    return parts.first { $0.hasPrefix(key + "=") }?.dropFirst(key.count + 1)
  }
}
