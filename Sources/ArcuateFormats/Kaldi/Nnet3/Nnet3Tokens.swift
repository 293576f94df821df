import ArcuateCore

/// Reads the tokens and values of a Kaldi network, binary or text.
///
/// A token is `<Name>` and a blank. The value after it states its own type: `T` or `F`, a matrix or
/// a vector as in tables, or the width of a number in one byte and the number; only a list of
/// integers looks like a number. In text these are words and brackets.
struct Nnet3Tokens {
  enum Value {
    /// No value: another token follows.
    case none
    case bool(Bool)
    /// Its bytes or its word as both types; nil for a type they do not fit.
    case number(integer: Int?, real: Double?)
    case vector([Float])
    case matrix(KaldiMatrix)
    case integers([Int])
  }

  let reader: ByteReader
  let isBinary: Bool

  /// Throws. `malformed` for a zero without a "B" after it.
  init(_ reader: ByteReader) throws(ArcuateError) {
    self.reader = reader
    isBinary = try reader.peek() == 0
    guard isBinary else { return }
    _ = try reader.take()
    guard try reader.take() == UInt8(ascii: "B") else {
      throw ArcuateError(.malformed, "expected a zero byte and \"B\"", at: "byte 0")
    }
  }

  /// The next word; takes the blank after it too.
  func word() throws(ArcuateError) -> String {
    while let byte = try reader.peek(), byte == 32 || (9...13).contains(byte) {
      _ = try reader.take()
    }
    let start = reader.position
    var bytes: [UInt8] = []
    while let byte = try reader.take(), byte > 32 {
      guard byte < 127, bytes.count < 512 else {
        throw ArcuateError(.malformed, "expected a word", at: "byte \(start)")
      }
      bytes.append(byte)
    }
    guard !bytes.isEmpty else {
      let isEnd = try reader.peek() == nil
      throw ArcuateError(
        isEnd ? .truncated : .malformed, isEnd ? "ends early" : "expected a word",
        at: "byte \(start)")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Takes the token. Throws. `malformed` naming the word found instead.
  func expect(_ token: String) throws(ArcuateError) {
    let start = reader.position
    let word = try word()
    guard word == token else {
      throw ArcuateError(
        .malformed, "expected \(token), not \"\(word.prefix(60))\"", at: "byte \(start)")
    }
  }

  /// The value after a token; `isList` says that it is a list of integers.
  func value(isList: Bool = false) throws(ArcuateError) -> Value {
    let start = reader.position
    return try within("byte \(start)") { () throws(ArcuateError) in
      if !isBinary { return try textValue(isList) }
      if isList { return .integers(try integers()) }
      guard let first = try reader.peek() else { throw ArcuateError(.truncated, "ends early") }
      switch first {
      case UInt8(ascii: "<"): return .none
      case UInt8(ascii: "T"):
        _ = try reader.take()
        return .bool(true)
      case UInt8(ascii: "F"), UInt8(ascii: "D"), UInt8(ascii: "C"):
        let start = reader.position
        _ = try reader.take()
        let second = try reader.peek()
        if second == UInt8(ascii: "M") || second == UInt8(ascii: "V") {
          try reader.seek(to: start)
          return try Self.numbers(try KaldiValue.readNumbers(reader))
        }
        guard first == UInt8(ascii: "F") else { break }
        return .bool(false)
      case 4:
        let bytes = try reader.take(5)
        let word: Int32 = bytes.little(at: 1)
        return .number(
          integer: Int(widening: word), real: Double(Float(bitPattern: UInt32(bitPattern: word))))
      case 8:
        let bytes = try reader.take(9)
        let word: Int64 = bytes.little(at: 1)
        return .number(
          integer: Int(widening: word), real: Double(bitPattern: UInt64(bitPattern: word)))
      default: break
      }
      throw ArcuateError(.malformed, "expected a value, not byte \(first)")
    }
  }

  /// A list, as Kaldi writes vectors of integers in binary: width, count, elements.
  private func integers() throws(ArcuateError) -> [Int] {
    let header = try reader.take(5)
    let count = Int(widening: header.little(Int32.self, at: 1))
    guard header[0] == 4, count >= 0 else {
      throw ArcuateError(.malformed, "expected a list of 4-byte integers")
    }
    try KaldiValue.bound(reader, count, bytesEach: 4)
    let bytes = try reader.take(4 * count)
    return (0..<count).map { Int(widening: bytes.little(Int32.self, at: 4 * $0)) }
  }

  private func textValue(_ isList: Bool) throws(ArcuateError) -> Value {
    while let byte = try reader.peek(), byte <= 32 { _ = try reader.take() }
    switch try reader.peek() {
    case nil: throw ArcuateError(.truncated, "ends early")
    case UInt8(ascii: "<"): return .none
    case UInt8(ascii: "["):
      let value = try KaldiText(reader: reader).value(nil)
      guard isList else { return try Self.numbers(value) }
      guard case .vector(let values) = value else { break }
      return .integers(
        try values.map { value throws(ArcuateError) in
          guard let integer = Int(exactly: value) else {
            throw ArcuateError(.malformed, "expected an integer, not \(value)")
          }
          return integer
        })
    default:
      let word = try word()
      if word == "T" || word == "F" { return .bool(word == "T") }
      if !isList, let real = Double(word) { return .number(integer: Int(text: word), real: real) }
      throw ArcuateError(.malformed, "expected a value, not \"\(word.prefix(60))\"")
    }
    throw ArcuateError(.malformed, "expected a list of integers")
  }

  private static func numbers(_ value: KaldiValue) throws(ArcuateError) -> Value {
    switch value {
    case .matrix(let matrix): return .matrix(matrix)
    case .vector(let values): return .vector(values)
    case .integers: throw ArcuateError(.malformed, "expected a matrix or a vector")
    }
  }

  /// The rest of the line, without its end. Throws. `truncated` without an end of line.
  func line() throws(ArcuateError) -> String {
    var bytes: [UInt8] = []
    while let byte = try reader.take() {
      guard byte != UInt8(ascii: "\n") else {
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
      }
      guard bytes.count < 1 << 20 else {
        throw ArcuateError(.limitExceeded, "the line is longer than 2^20 bytes")
      }
      bytes.append(byte)
    }
    throw ArcuateError(.truncated, "ends within a line", at: "byte \(reader.position)")
  }

  /// Skips everything up to and including the token.
  func skip(past token: String) throws(ArcuateError) {
    let wanted = Array(token.utf8)
    var matched = 0
    while let byte = try reader.take() {
      // A token has "<" only at its beginning.
      matched = byte == wanted[matched] ? matched + 1 : byte == wanted[0] ? 1 : 0
      if matched == wanted.count {
        if let next = try reader.peek(), next <= 32 { _ = try reader.take() }
        return
      }
    }
    throw ArcuateError(.truncated, "ends without \(token)", at: "byte \(reader.position)")
  }
}
