/// Mutations that know what a token is: plain libFuzzer seldom hits a number at the edge of its type,
/// and a longer header of a safetensors file is cut off by the length before it.
///
/// Half of all mutations are libFuzzer's own.
@c(LLVMFuzzerCustomMutator)
public func fuzzMutate(
  _ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ most: Int, _ seed: UInt32
) -> Int {
  var chance = Chance(seed: seed)
  guard size > 0, chance.below(2) == 0 else { return mutatePlainly(data, size, most) }
  // SAFETY: libFuzzer gives `size` bytes of `most`.
  var bytes = Array(UnsafeBufferPointer(start: data, count: size))
  if isHeaderFirst(bytes) {
    let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = mutateText(Array(bytes[8..<8 + length]), &chance)
    var rest = header.count
    for i in 0..<8 {
      bytes[i] = UInt8(rest & 255)
      rest >>= 8
    }
    bytes = bytes[..<8] + header + bytes[(8 + length)...]
  } else if bytes.prefix(64).allSatisfy({ (9...126).contains($0) }) {
    bytes = mutateText(bytes, &chance)
  } else {
    mutateBinary(&bytes, &chance)
  }
  guard !bytes.isEmpty, bytes.count <= most else { return mutatePlainly(data, size, most) }
  for (i, byte) in bytes.enumerated() { data[i] = byte }
  return bytes.count
}

@_silgen_name("LLVMFuzzerMutate")
private func mutatePlainly(_ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ most: Int) -> Int

private struct Chance {
  private var state: UInt64
  init(seed: UInt32) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func below(_ limit: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return limit > 0 ? Int(state >> 33) % limit : 0
  }
  mutating func one<T>(_ of: [T]) -> T { of[below(of.count)] }
}

/// Whether the length of a text stands before it, as in safetensors.
private func isHeaderFirst(_ bytes: [UInt8]) -> Bool {
  guard bytes.count > 10, bytes[8] == UInt8(ascii: "{"), bytes[3..<8].allSatisfy({ $0 == 0 })
  else { return false }
  return Int(bytes[0]) | Int(bytes[1]) << 8 | Int(bytes[2]) << 16 <= bytes.count - 8
}

private let edges = [
  "-9223372036854775808", "9223372036854775807", "18446744073709551615", "9223372036854775808",
  "-2147483648", "2147483647", "4294967296", "1099511627776", "1048576", "-1", "0", "1", "2",
  "1e308", "-1e38", "1e-45", "1e400", "0.5", "-0", "nan", "inf",
]

private func isWord(_ byte: UInt8) -> Bool {
  (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    || "._+-<>/".utf8.contains(byte)
}

/// The ranges of words and numbers, and of single other characters but blanks.
private func tokens(_ text: [UInt8]) -> [Range<Int>] {
  var found: [Range<Int>] = []
  var at = 0
  while at < text.count {
    var end = at + 1
    if isWord(text[at]) { while end < text.count, isWord(text[end]) { end += 1 } }
    if text[at] > 32 { found.append(at..<end) }
    at = end
  }
  return found
}

/// Replaces a number by an edge, or removes, doubles or exchanges tokens.
private func mutateText(_ text: [UInt8], _ chance: inout Chance) -> [UInt8] {
  let all = tokens(text)
  guard !all.isEmpty else { return text }
  let numbers = all.filter { (48...57).contains(text[$0.lowerBound]) || text[$0.lowerBound] == 45 }
  let place = chance.one(all)
  func replaced(_ range: Range<Int>, by new: [UInt8]) -> [UInt8] {
    text[..<range.lowerBound] + new + text[range.upperBound...]
  }
  switch chance.below(8) {
  case 0: return replaced(place, by: [])
  case 1: return replaced(place, by: text[place] + [32] + text[place])
  case 2, 3: return replaced(place, by: Array(text[chance.one(all)]))
  default:
    guard !numbers.isEmpty else { return replaced(place, by: Array(chance.one(edges).utf8)) }
    return replaced(chance.one(numbers), by: Array(chance.one(edges).utf8))
  }
}

/// Writes an integer at the edge of a type, or one that stands elsewhere, such as an address or the
/// size of a message, mostly where integers are aligned.
private func mutateBinary(_ bytes: inout [UInt8], _ chance: inout Chance) {
  let width = chance.one([1, 2, 2, 4, 4, 8, 8, 8])
  guard bytes.count > width else { return }
  func place(_ chance: inout Chance) -> Int {
    let at = chance.below(bytes.count - width)
    return chance.below(4) == 0 ? at : at / width * width
  }
  let at = place(&chance)
  var value: UInt64
  switch chance.below(4) {
  case 0:
    let from = place(&chance)
    for i in 0..<width { bytes[at + i] = bytes[from + i] }
    return
  case 1: value = UInt64(bytes.count) &+ UInt64(chance.below(3)) &- 1
  case 2: value = 1 << UInt64(chance.below(8 * width))
  default:
    value = chance.one([0, 1, .max, .max - 1, 1 << 63, (1 << 63) - 1, 1 << 31, 1 << 32, 255])
  }
  if chance.below(8) == 0 { value = value.byteSwapped >> UInt64(64 - 8 * width) }
  for i in 0..<width { bytes[at + i] = UInt8(truncatingIfNeeded: value >> UInt64(8 * i)) }
}
