import ArcuateCore

/// The tokens and values that a network of Kaldi is written in, binary or text.
///
/// A token is `<Name>` and a blank. What follows says itself what it is: `T` or `F`, a matrix or a
/// vector as in tables, a byte that gives the width of a number and the number; only lists of
/// integers look like one. In text the same as words and brackets.
struct Nnet3Tokens {
  enum Value {
    /// The next token follows at once.
    case none
    case bool(Bool)
    /// Both readings of its bytes, or of its word; nil where it cannot be that.
    case number(integer: Int?, real: Double?)
    case vector([Float])
    case matrix(KaldiMatrix)
    case integers([Int])
  }

  let reader: ByteReader
  let isBinary: Bool

  /// Throws. `malformed` for a zero that no "B" follows.
  init(_ reader: ByteReader) throws {
    self.reader = reader
    isBinary = try reader.peek() == 0
    guard isBinary else { return }
    _ = try reader.take()
    guard try reader.take() == UInt8(ascii: "B") else {
      throw ArcuateError(.malformed, "a zero and \"B\" are expected", at: "byte 0")
    }
  }

  /// The next word, and the blank behind it.
  func word() throws -> String {
    while let byte = try reader.peek(), byte == 32 || (9...13).contains(byte) {
      _ = try reader.take()
    }
    let start = reader.position
    var bytes: [UInt8] = []
    while let byte = try reader.take(), byte > 32 {
      guard byte < 127, bytes.count < 512 else {
        throw ArcuateError(.malformed, "a word is expected", at: "byte \(start)")
      }
      bytes.append(byte)
    }
    guard !bytes.isEmpty else {
      let isEnd = try reader.peek() == nil
      throw ArcuateError(
        isEnd ? .truncated : .malformed, isEnd ? "ends early" : "a word is expected",
        at: "byte \(start)")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Takes the token. Throws. `malformed` saying what stands there instead.
  func expect(_ token: String) throws {
    let start = reader.position
    let word = try word()
    guard word == token else {
      throw ArcuateError(
        .malformed, "\"\(word.prefix(60))\" stands where \(token) is expected", at: "byte \(start)")
    }
  }

  /// The value behind a token; `isList` says that it is a list of integers.
  func value(isList: Bool = false) throws -> Value {
    let start = reader.position
    return try within("byte \(start)") {
      if !isBinary { return try textValue(isList) }
      if isList { return .integers(try integers()) }
      guard let first = try reader.peek() else { throw ArcuateError(.truncated, "ends early") }
      switch first {
      case UInt8(ascii: "<"): return .none
      case UInt8(ascii: "T"):
        _ = try reader.take()
        return .bool(true)
      case UInt8(ascii: "F"), UInt8(ascii: "D"), UInt8(ascii: "C"):
        let place = reader.position
        _ = try reader.take()
        let second = try reader.peek()
        if second == UInt8(ascii: "M") || second == UInt8(ascii: "V") {
          try reader.seek(to: place)
          return try Self.numbers(try KaldiValue.readNumbers(reader))
        }
        guard first == UInt8(ascii: "F") else { break }
        return .bool(false)
      case 4:
        let bytes = try reader.take(5)
        let word: Int32 = bytes.little(at: 1)
        return .number(
          integer: Int(word), real: Double(Float(bitPattern: UInt32(bitPattern: word))))
      case 8:
        let bytes = try reader.take(9)
        let word: Int64 = bytes.little(at: 1)
        return .number(
          integer: Int(word), real: Double(bitPattern: UInt64(bitPattern: word)))
      default: break
      }
      throw ArcuateError(.malformed, "the byte \(first) stands where a value is expected")
    }
  }

  /// A list as Kaldi writes vectors of integers in binary: the width of one, their number, all.
  private func integers() throws -> [Int] {
    let header = try reader.take(5)
    let count = Int(header.little(Int32.self, at: 1))
    guard header[0] == 4, count >= 0 else {
      throw ArcuateError(.malformed, "a list of integers of 4 bytes is expected")
    }
    try KaldiValue.bound(reader, count, bytesEach: 4)
    let bytes = try reader.take(4 * count)
    return (0..<count).map { Int(bytes.little(Int32.self, at: 4 * $0)) }
  }

  private func textValue(_ isList: Bool) throws -> Value {
    while let byte = try reader.peek(), byte <= 32 { _ = try reader.take() }
    switch try reader.peek() {
    case nil: throw ArcuateError(.truncated, "ends early")
    case UInt8(ascii: "<"): return .none
    case UInt8(ascii: "["):
      let value = try KaldiText(reader: reader).value(nil)
      guard isList else { return try Self.numbers(value) }
      guard case .vector(let values) = value else { break }
      return .integers(
        try values.map { value in
          guard let integer = Int(exactly: value) else {
            throw ArcuateError(.malformed, "\(value) stands where an integer is expected")
          }
          return integer
        })
    default:
      let word = try word()
      if word == "T" || word == "F" { return .bool(word == "T") }
      if !isList, let real = Double(word) { return .number(integer: Int(word), real: real) }
      throw ArcuateError(.malformed, "\"\(word.prefix(60))\" stands where a value is expected")
    }
    throw ArcuateError(.malformed, "a list of integers is expected")
  }

  private static func numbers(_ value: KaldiValue) throws -> Value {
    switch value {
    case .matrix(let matrix): return .matrix(matrix)
    case .vector(let values): return .vector(values)
    case .integers: throw ArcuateError(.malformed, "a matrix or a vector is expected")
    }
  }

  /// The bytes up to the end of the line, which is taken too. Throws. `truncated` without an end.
  func line() throws -> String {
    var bytes: [UInt8] = []
    while let byte = try reader.take() {
      guard byte != UInt8(ascii: "\n") else {
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
      }
      guard bytes.count < 1 << 20 else {
        throw ArcuateError(.limitExceeded, "a line is longer than 2^20 bytes")
      }
      bytes.append(byte)
    }
    throw ArcuateError(.truncated, "ends within a line", at: "byte \(reader.position)")
  }

  /// Passes over everything up to the token and over it.
  func skip(past token: String) throws {
    let wanted = Array(token.utf8)
    var matched = 0
    while let byte = try reader.take() {
      // A token begins with the only "<" it has.
      matched = byte == wanted[matched] ? matched + 1 : byte == wanted[0] ? 1 : 0
      if matched == wanted.count {
        if let next = try reader.peek(), next <= 32 { _ = try reader.take() }
        return
      }
    }
    throw ArcuateError(.truncated, "ends without \(token)", at: "byte \(reader.position)")
  }
}
