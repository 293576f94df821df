import ArcuateCore
import ArcuateFormats

/// The entries of a Kaldi table in the order in which they stand, one at a time in memory.
public final class KaldiTableReader {
  private let specifier: KaldiReadSpecifier
  private let expecting: KaldiValue.Kind?
  private let table: ByteReader
  private var line = 0
  private var hasEnded = false
  /// Whether the archive can be read on after an error.
  private var isBehindValue = false
  /// The archive that the last line of a script pointed into.
  private var archive: ByteReader?

  /// Told of what a permissive table leaves out.
  public var warn: (ArcuateError) -> Void = { _ in }

  /// The table's file, as the specifier names it; `-` for the standard input.
  public var path: String { specifier.path }

  /// The file that holds the newest entry, as messages call it.
  public var source: String { archive?.name ?? table.name }

  /// The path of the file that the newest line of a script points into.
  public private(set) var archivePath: String?

  /// How much of the table's file has been read; nil for a pipe.
  public var fraction: Double? { table.fraction }

  /// Throws. `invalidArgument` for what is not an rspecifier; `cannotOpen`.
  public init(_ rspecifier: String, expecting: KaldiValue.Kind? = nil) throws {
    specifier = try KaldiReadSpecifier(rspecifier)
    self.expecting = expecting
    table = try ByteReader(specifier.path)
  }

  /// The archive that `bytes` are.
  public init(archive bytes: [UInt8], name: String, expecting: KaldiValue.Kind? = nil) throws {
    specifier = try KaldiReadSpecifier("ark:\(name)")
    self.expecting = expecting
    table = ByteReader(bytes, name: name)
  }

  /// The next entry; nil at the end.
  ///
  /// Throws. Naming file, key and byte. An archive has then come to its end, unless only the key is
  /// not UTF-8; a script goes on with its next line.
  public func next() throws -> (key: String, value: KaldiValue)? {
    while !hasEnded {
      do {
        return try within(table.name) {
          switch specifier.form {
          case .archive: try nextInArchive()
          case .script: try nextInScript()
          }
        }
      } catch let error as ArcuateError {
        if specifier.form == .archive && !isBehindValue { hasEnded = true }
        isBehindValue = false
        guard specifier.permissive else { throw error }
        warn(error)
      }
    }
    return nil
  }

  private func nextInArchive() throws -> (String, KaldiValue)? {
    guard let word = try word(afterLines: true) else {
      hasEnded = true
      return nil
    }
    // A line that ends after its key holds no integers: its end belongs to the value.
    if try table.peek() != UInt8(ascii: "\n") { _ = try table.take() }
    let key = String(decoding: word, as: UTF8.self)
    let value = try within("key \"\(key)\"") {
      try KaldiValue.read(table, expecting: expecting)
    }
    isBehindValue = true
    try refuseMangled(word)
    isBehindValue = false
    return (key, value)
  }

  /// Throws. `malformed` for a key that is not UTF-8, which has no name to be written under.
  private func refuseMangled(_ key: [UInt8]) throws {
    guard String(validating: key, as: UTF8.self) == nil else { return }
    throw ArcuateError(
      .malformed, "the key is not UTF-8", at: "key \"\(String(decoding: key, as: UTF8.self))\"")
  }

  private func nextInScript() throws -> (String, KaldiValue)? {
    guard let key = try nextKey() else {
      hasEnded = true
      return nil
    }
    return try within("line \(line): key \"\(key)\"") {
      let place = try KaldiLocation(try restOfLine())
      if archive?.name != place.path || place.path == "-" || place.offset == nil {
        archive = try ByteReader(place.path)
        archivePath = place.path
      }
      return try within(place.path) { (key, try place.read(archive!, expecting)) }
    }
  }

  private func nextKey() throws -> String? {
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
      // What cannot be a line is left behind, so that the next one can be read.
      _ = try restOfBytes()
      throw error
    }
  }

  private static let longest = 1 << 16

  /// The next word; nil at the end.
  private func word(afterLines: Bool) throws -> [UInt8]? {
    while let byte = try table.peek(),
      byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
        || afterLines && byte == UInt8(ascii: "\n")
    { _ = try table.take() }
    let start = table.position
    var word: [UInt8] = []
    while let byte = try table.peek(), byte > 32 {
      guard word.count < KaldiTableReader.longest else {
        throw ArcuateError(
          .malformed, "a key of at most \(KaldiTableReader.longest) bytes is expected",
          at: "byte \(start)")
      }
      word.append(byte)
      _ = try table.take()
    }
    guard let end = try table.peek() else {
      guard word.isEmpty else {
        throw ArcuateError(.truncated, "ends after a key, where its value is expected")
      }
      return nil
    }
    guard !word.isEmpty, end == 32 || end == 9 || end == 10 || end == 13 else {
      throw ArcuateError(
        .malformed, "a key with a space after it is expected", at: "byte \(start)")
    }
    return word
  }

  private func restOfLine() throws -> String {
    guard let text = String(validating: try restOfBytes(), as: UTF8.self) else {
      throw ArcuateError(.malformed, "a file name in UTF-8 is expected")
    }
    guard !text.isEmpty else { throw ArcuateError(.malformed, "a file name is expected") }
    return text
  }

  /// What is left of the line, without blanks at its ends.
  private func restOfBytes() throws -> ArraySlice<UInt8> {
    var bytes: [UInt8] = []
    var isTooLong = false
    while let byte = try table.take(), byte != UInt8(ascii: "\n") {
      if bytes.count < KaldiTableReader.longest { bytes.append(byte) } else { isTooLong = true }
    }
    if isTooLong {
      throw ArcuateError(
        .malformed, "a line of at most \(KaldiTableReader.longest) bytes is expected")
    }
    let start = bytes.firstIndex { $0 > 32 } ?? bytes.endIndex
    let end = bytes.lastIndex { $0 > 32 }.map { $0 + 1 } ?? start
    return bytes[start..<end]
  }
}
