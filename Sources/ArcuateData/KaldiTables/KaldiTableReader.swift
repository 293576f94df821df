import ArcuateCore
import ArcuateFormats

/// Reads the entries of a Kaldi table in order, one at a time.
public final class KaldiTableReader {
  private let specifier: KaldiReadSpecifier
  private let expecting: KaldiValue.Kind?
  private let table: ByteReader
  private var line = 0
  private var hasEnded = false
  /// Whether reading can continue after an error.
  private var isBehindValue = false
  /// The archive that the last line of a script refers to.
  private var archive: ByteReader?

  /// Called with the error of each entry that a permissive table leaves out.
  public var warn: (ArcuateError) -> Void = { _ in }

  /// The table's file, as the specifier names it; `-` for the standard input.
  public var path: String { specifier.path }

  /// The name of the file with the last entry, for messages.
  public var source: String { archive?.name ?? table.name }

  /// The path of the file that the last line of a script refers to.
  public private(set) var archivePath: String?

  /// The part of the table's file that was read, from 0 to 1; nil for a pipe.
  public var fraction: Double? { table.fraction }

  /// Throws. `invalidArgument` for an invalid rspecifier; `cannotOpen`.
  public init(_ rspecifier: String, expecting: KaldiValue.Kind? = nil) throws(ArcuateError) {
    specifier = try KaldiReadSpecifier(rspecifier)
    self.expecting = expecting
    table = try ByteReader(specifier.path)
  }

  /// Reads an archive from bytes.
  public init(archive bytes: [UInt8], name: String, expecting: KaldiValue.Kind? = nil)
    throws(ArcuateError)
  {
    specifier = try KaldiReadSpecifier("ark:\(name)")
    self.expecting = expecting
    table = ByteReader(Bytes(bytes), name: name)
  }

  /// The next entry; nil at the end.
  ///
  /// Throws. Naming file, key and byte. An archive ends there, unless only the key is not UTF-8; a
  /// script continues with its next line.
  public func next() throws(ArcuateError) -> (key: String, value: KaldiValue)? {
    while !hasEnded {
      do {
        return try within(table.name) { () throws(ArcuateError) in
          switch specifier.form {
          case .archive: try nextInArchive()
          case .script: try nextInScript()
          }
        }
      } catch {
        if specifier.form == .archive && !isBehindValue { hasEnded = true }
        isBehindValue = false
        guard specifier.permissive else { throw error }
        warn(error)
      }
    }
    return nil
  }

  private func nextInArchive() throws(ArcuateError) -> (String, KaldiValue)? {
    guard let word = try word(afterLines: true) else {
      hasEnded = true
      return nil
    }
    // A line that ends after its key has no integers: the end of line belongs to the value.
    if try table.peek() != UInt8(ascii: "\n") { _ = try table.take() }
    let key = String(decoding: word, as: UTF8.self)
    let value = try within("key \"\(key)\"") { () throws(ArcuateError) in
      try KaldiValue.read(table, expecting: expecting)
    }
    isBehindValue = true
    try refuseMangled(word)
    isBehindValue = false
    return (key, value)
  }

  /// Throws. `malformed` for a key that is not UTF-8, which could not be written again.
  private func refuseMangled(_ key: [UInt8]) throws(ArcuateError) {
    guard String(validating: key, as: UTF8.self) == nil else { return }
    throw ArcuateError(
      .malformed, "the key is not UTF-8", at: "key \"\(String(decoding: key, as: UTF8.self))\"")
  }

  private func nextInScript() throws(ArcuateError) -> (String, KaldiValue)? {
    guard let key = try nextKey() else {
      hasEnded = true
      return nil
    }
    return try within("line \(line): key \"\(key)\"") { () throws(ArcuateError) in
      let location = try KaldiLocation(try restOfLine())
      if archive?.name != location.path || location.path == "-" || location.offset == nil {
        archive = try ByteReader(location.path)
        archivePath = location.path
      }
      return try within(location.path) { () throws(ArcuateError) in
        (key, try location.read(archive!, expecting))
      }
    }
  }

  private func nextKey() throws(ArcuateError) -> String? {
    while let byte = try table.peek(), byte == UInt8(ascii: "\n") {
      _ = try table.take()
      line += 1
    }
    line += 1
    do {
      guard let key = try word(afterLines: false) else { return nil }
      try refuseMangled(key)
      return String(decoding: key, as: UTF8.self)
    } catch {
      // Skip the invalid line, so that the next one can be read.
      _ = try restOfBytes()
      throw error
    }
  }

  private static let longest = 1 << 16

  /// The next word; nil at the end.
  private func word(afterLines: Bool) throws(ArcuateError) -> [UInt8]? {
    while let byte = try table.peek(),
      byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
        || afterLines && byte == UInt8(ascii: "\n")
    { _ = try table.take() }
    let start = table.position
    var word: [UInt8] = []
    while let byte = try table.peek(), byte > 32 {
      guard word.count < KaldiTableReader.longest else {
        throw ArcuateError(
          .malformed, "the key is longer than \(KaldiTableReader.longest) bytes",
          at: "byte \(start)")
      }
      word.append(byte)
      _ = try table.take()
    }
    guard let end = try table.peek() else {
      guard word.isEmpty else {
        throw ArcuateError(.truncated, "ends after a key, without a value")
      }
      return nil
    }
    guard !word.isEmpty, end == 32 || end == 9 || end == 10 || end == 13 else {
      throw ArcuateError(
        .malformed, "expected a key and a space", at: "byte \(start)")
    }
    return word
  }

  private func restOfLine() throws(ArcuateError) -> String {
    guard let text = String(validating: try restOfBytes(), as: UTF8.self) else {
      throw ArcuateError(.malformed, "the file name is not UTF-8")
    }
    guard !text.isEmpty else { throw ArcuateError(.malformed, "expected a file name") }
    return text
  }

  /// The rest of the line, without blanks at its ends.
  private func restOfBytes() throws(ArcuateError) -> ArraySlice<UInt8> {
    var bytes: [UInt8] = []
    var isTooLong = false
    while let byte = try table.take(), byte != UInt8(ascii: "\n") {
      if bytes.count < KaldiTableReader.longest { bytes.append(byte) } else { isTooLong = true }
    }
    if isTooLong {
      throw ArcuateError(
        .malformed, "the line is longer than \(KaldiTableReader.longest) bytes")
    }
    let start = bytes.firstIndex { $0 > 32 } ?? bytes.endIndex
    let end = bytes.lastIndex { $0 > 32 }.map { $0 + 1 } ?? start
    return bytes[start..<end]
  }
}
