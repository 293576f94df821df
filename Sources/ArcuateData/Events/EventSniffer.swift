import ArcuateCore

/// Tells the format of a recording by its first bytes.
enum EventSniffer {
  enum Answer {
    /// More bytes are needed to tell.
    case more
    case lines(EventHeaderLines.Kind)
    case decoder(any EventBlockDecoder)
  }

  /// Bytes that suffice for every format.
  static let most = 4096

  /// Throws. `unsupportedFormat` if no format fits; `truncated` for no bytes at all.
  static func answer(
    _ bytes: UnsafeRawBufferPointer, _ options: EventOptions, isEnd: Bool
  ) throws(ArcuateError) -> Answer {
    let isAll = isEnd || bytes.count >= most
    if let kind = lines(bytes), options.format.map({ kind.fits($0) }) ?? true {
      if bytes.count < 12, !isEnd { return .more }
      return .lines(kind)
    }
    if let format = options.format {
      // The width of addresses must not depend on how the bytes are cut.
      let tellsWidth = format == .cochlea && options.addressBytes == nil
      if tellsWidth ? !isAll : bytes.count < 12 && !isEnd { return .more }
      return .decoder(try decoder(format, bytes, options))
    }
    if bytes.count < 12, !isEnd { return .more }
    guard !bytes.isEmpty else { throw ArcuateError(.truncated, "has no bytes") }
    for (start, format) in starts where begins(bytes, start) {
      return .decoder(try decoder(format, bytes, options))
    }
    guard isAll else { return .more }
    // SAFETY: the start of bytes that live through the call.
    let head = UnsafeRawBufferPointer(rebasing: bytes[..<min(bytes.count, most)])
    if CSVDecoder.recognizes(head) { return .decoder(try decoder(.csv, bytes, options)) }
    if isNMNIST(head) { return .decoder(try decoder(.nmnist, bytes, options)) }
    if [2, 4].contains(where: { isCochlea(head, $0) }) {
      return .decoder(try decoder(.cochlea, bytes, options))
    }
    throw ArcuateError(
      .unsupportedFormat,
      "is in no known format of event recordings; a format that has no header can be stated")
  }

  private static let starts: [([UInt8], EventFormat)] = [
    (Array("#!AER-DAT4".utf8), .aedat4), (Array("Event Stream".utf8), .eventStream),
    ([0x50, 0x4B, 3, 4], .npz), ([0x93] + Array("NUMPY".utf8), .npz),
    ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], .hdf5),
  ]

  private static func begins(_ bytes: UnsafeRawBufferPointer, _ start: [UInt8]) -> Bool {
    bytes.count >= start.count && bytes[..<start.count].elementsEqual(start)
  }

  private static func lines(_ bytes: UnsafeRawBufferPointer) -> EventHeaderLines.Kind? {
    if begins(bytes, Array("% ".utf8)) { return .prophesee }
    if begins(bytes, Array("#!AER-DAT3".utf8)) { return .aedat3 }
    if begins(bytes, Array("#!AER-DAT2".utf8)) { return .aedat2 }
    return nil
  }

  private static func decoder(
    _ format: EventFormat, _ bytes: UnsafeRawBufferPointer, _ options: EventOptions
  ) throws(ArcuateError) -> any EventBlockDecoder {
    var header = EventHeader(format)
    (header.width, header.height) = (options.width, options.height)
    switch format {
    case .evt2: return EVT2Decoder(header)
    case .evt21: return EVT21Decoder(header, isSwapped: nil)
    case .evt3: return EVT3Decoder(header)
    case .dat: return DATDecoder(header, version: 2)
    case .eventStream: return EventStreamDecoder(header)
    case .nmnist: return NMNISTDecoder(header)
    case .aedat2: return AEDAT2Decoder(header, camera: options.camera ?? .dvs128)
    case .aedat3: return AEDAT3Decoder(header)
    case .aedat4: return AEDAT4Decoder(header)
    case .cochlea:
      // SAFETY: the start of bytes that live through the call.
      let isWide = isCochlea(
        UnsafeRawBufferPointer(rebasing: bytes[..<min(bytes.count, most)]), 4)
      return CochleaDecoder(
        header, addressBytes: options.addressBytes ?? (isWide ? 4 : 2), tick_ns: options.tick_ns)
    case .csv: return CSVDecoder(header)
    case .npz: return WholeFileDecoder<NumpyEvents>(header)
    case .hdf5: return WholeFileDecoder<HDF5Events>(header)
    }
  }

  /// Whether all records are of five bytes whose times grow by less than 0.13 s, or start again
  /// after an overflow.
  private static func isNMNIST(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 5 else { return false }
    var last: Int?
    for i in stride(from: 0, through: bytes.count - 5, by: 5) {
      if bytes[i + 1] == 240 {
        last = nil
        continue
      }
      let time =
        Int(widening: bytes[i + 2] & 0x7F) << 16 | Int(widening: bytes[i + 3]) << 8
        | Int(widening: bytes[i + 4])
      if let last, time < last - 1 << 10 || time > last + 1 << 17 { return false }
      last = time
    }
    return true
  }

  /// Whether all records have an address of that many bytes and times that never fall.
  private static func isCochlea(_ bytes: UnsafeRawBufferPointer, _ addressBytes: Int) -> Bool {
    let size = addressBytes + 4
    guard let start = bytes.baseAddress, bytes.count >= size else { return false }
    var last: UInt32 = 0
    for i in stride(from: 0, through: bytes.count - size, by: size) {
      // SAFETY: whole records lie inside the bytes.
      let address =
        addressBytes == 2
        ? UInt32(truncatingIfNeeded: start.big(i, UInt16.self)) : start.big(i, UInt32.self)
      let time = start.big(i + addressBytes, UInt32.self)
      guard address < 1 << 16, time >= last, i == 0 || time - last < 1 << 28 else { return false }
      last = time
    }
    return true
  }
}

extension EventHeaderLines.Kind {
  /// Whether a file that begins so may be read as `format`.
  fileprivate func fits(_ format: EventFormat) -> Bool {
    switch self {
    case .prophesee: [.evt2, .evt21, .evt3, .dat].contains(format)
    case .aedat2: format == .aedat2
    case .aedat3: format == .aedat3
    }
  }
}
