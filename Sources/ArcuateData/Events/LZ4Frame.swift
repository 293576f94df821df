import ArcuateCore

/// Decompresses LZ4 frames into memory of bounded size. Checksums are skipped.
/// Source. LZ4 frame format 1.6.4 and block format.
struct LZ4Frame {
  /// The decompressed bytes are the first `count` of the memory.
  private(set) var count = 0
  private var buffer: AlignedBuffer?
  private let limit: Int

  /// Places behind a block that copies of 16 bytes may touch.
  private static let slack = 64

  /// Needs. `limit` is the most that a frame may hold.
  init(limit: Int) { self.limit = limit }

  /// Calls `body` with the decompressed bytes.
  func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    // SAFETY: the buffer lives through the call and has at least `count` bytes.
    body(UnsafeRawBufferPointer(start: buffer?.base, count: count))
  }

  /// Replaces the content by a copy of `bytes`.
  /// Throws. `limitExceeded`, `outOfMemory`.
  mutating func set(_ bytes: UnsafeRawBufferPointer) throws(ArcuateError) {
    count = 0
    try reserve(bytes.count)
    // SAFETY: there is room for all.
    if let start = bytes.baseAddress {
      buffer!.base.copyMemory(from: start, byteCount: bytes.count)
    }
    count = bytes.count
  }

  /// Replaces the content by what `body` writes to memory of `size` bytes; it returns how many, or
  /// nil if it fails.
  mutating func fill(
    _ size: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int?
  ) throws(ArcuateError) -> Bool {
    count = 0
    try reserve(size)
    // SAFETY: the buffer has `size` bytes.
    let written = body(UnsafeMutableRawBufferPointer(start: buffer!.base, count: size))
    count = written ?? 0
    return written != nil
  }

  /// Decompresses a frame. Throws. `truncated`, `malformed`, `unsupportedFormat`, `limitExceeded`.
  mutating func decompress(_ frame: UnsafeRawBufferPointer) throws(ArcuateError) {
    count = 0
    guard let start = frame.baseAddress, frame.count >= 7 else {
      throw ArcuateError(.truncated, "the LZ4 frame has no header")
    }
    guard start.little(0, UInt32.self) == 0x184D_2204 else {
      throw ArcuateError(.malformed, "is not an LZ4 frame")
    }
    let (flags, sizes) = (frame[4], frame[5])
    guard flags >> 6 == 1, flags & 1 == 0, sizes & 0x8F == 0, sizes >= 0x40 else {
      throw ArcuateError(.unsupportedFormat, "an LZ4 frame of flags \(flags) and \(sizes)")
    }
    let most = [1 << 16, 1 << 18, 1 << 20, 1 << 22][Int(widening: sizes >> 4) - 4]
    var at = 7 + (flags & 8 != 0 ? 8 : 0)
    while true {
      guard at + 4 <= frame.count else {
        throw ArcuateError(.truncated, "the LZ4 frame ends without a last block")
      }
      let word = start.little(at, UInt32.self)
      at += 4
      if word == 0 { return }
      let size = Int(widening: word & 0x7FFF_FFFF)
      guard size <= frame.count - at, size <= most else {
        throw ArcuateError(.truncated, "a block of \(size) bytes exceeds the LZ4 frame")
      }
      try reserve(count + most)
      let block = UnsafeRawBufferPointer(rebasing: frame[at..<at + size])
      if word >> 31 == 1 {
        // SAFETY: `reserve` made room for `most` bytes.
        buffer!.base.advanced(by: count).copyMemory(from: start + at, byteCount: size)
        count += size
      } else {
        try decode(block, most)
      }
      at += size + (flags & 16 != 0 ? 4 : 0)
      guard count <= limit else {
        throw ArcuateError(.limitExceeded, "a packet exceeds the limit of \(limit) bytes")
      }
    }
  }

  private mutating func reserve(_ size: Int) throws(ArcuateError) {
    guard size <= limit + 1 << 22 else {
      throw ArcuateError(.limitExceeded, "a packet exceeds the limit of \(limit) bytes")
    }
    let needed = size + LZ4Frame.slack
    if let buffer, buffer.byteCount >= needed { return }
    let larger = try AlignedBuffer(
      byteCount: max(needed, 2 * (buffer?.byteCount ?? 0), 1 << 16), isZeroed: false)
    // SAFETY: both buffers have at least `count` bytes.
    if let buffer { larger.base.copyMemory(from: buffer.base, byteCount: count) }
    buffer = larger
  }

  /// Appends the content of a block, at most `most` bytes, for which there is room and `slack`.
  private mutating func decode(_ block: UnsafeRawBufferPointer, _ most: Int) throws(ArcuateError) {
    guard var input = block.baseAddress else { return }
    let inputEnd = input + block.count
    let base = buffer!.base
    var output = base + count
    let outputEnd = output + most
    var wrong: ArcuateError { ArcuateError(.malformed, "an LZ4 block is invalid") }
    // SAFETY: every read stays below `inputEnd`; every write stays below `outputEnd` + 32, which the
    // buffer has; a match begins at or after `base`.
    while input < inputEnd {
      let token = Int(widening: input.load(as: UInt8.self))
      input += 1
      var literals = token >> 4
      // Most sequences are short and far from the ends: at most 14 literals and 18 bytes of a match.
      if literals < 15, token & 15 < 15, inputEnd - input >= 32, outputEnd - output >= 64 {
        let distance = Int(widening: input.little(literals, UInt16.self))
        if distance >= 8, distance <= output - base + literals {
          LZ4Frame.copy8(output, input)
          if literals > 8 { LZ4Frame.copy8(output + 8, input + 8) }
          input += literals &+ 2
          output += literals
          let (source, length) = (UnsafeRawPointer(output - distance), token & 15 &+ 4)
          if length <= 8 {
            // A load of 8 bytes would also span the literals stored behind a match of the event
            // before, and wait for both stores; two of 4 bytes lie within the match.
            let shift = UInt64(truncatingIfNeeded: 8 &* (length &- 4))
            let first = UInt64(truncatingIfNeeded: source.little(0, UInt32.self))
            let rest = UInt64(truncatingIfNeeded: source.little(length &- 4, UInt32.self))
            output.storeBytes(of: (first | rest &<< shift).littleEndian, as: UInt64.self)
          } else {
            LZ4Frame.copy8(output, source)
            LZ4Frame.copy8(output + 8, source + 8)
            LZ4Frame.copy8(output + 16, source + 16)
          }
          output += length
          continue
        }
      }
      if literals == 15 {
        guard let more = LZ4Frame.length(&input, inputEnd) else { throw wrong }
        literals += more
      }
      guard literals <= inputEnd - input, literals <= outputEnd - output else { throw wrong }
      if literals <= 16, inputEnd - input >= 16 {
        LZ4Frame.copy16(output, input)
      } else {
        output.copyMemory(from: input, byteCount: literals)
      }
      input += literals
      output += literals
      // The last sequence has no match.
      if input == inputEnd { break }
      guard inputEnd - input >= 2 else { throw wrong }
      let distance = Int(widening: input.little(0, UInt16.self))
      input += 2
      var length = token & 15
      if length == 15 {
        guard let more = LZ4Frame.length(&input, inputEnd) else { throw wrong }
        length += more
      }
      length += 4
      guard distance > 0, distance <= output - base, length <= outputEnd - output else {
        throw wrong
      }
      LZ4Frame.copyMatch(output, distance, length)
      output += length
    }
    count = output - base
  }

  /// The rest of a length: bytes up to one below 255; nil if they are missing.
  @inline(__always)
  private static func length(_ input: inout UnsafeRawPointer, _ end: UnsafeRawPointer) -> Int? {
    var sum = 0
    while input < end {
      let byte = Int(widening: input.load(as: UInt8.self))
      input += 1
      sum += byte
      if byte != 255 { return sum }
    }
    return nil
  }

  @inline(__always)
  private static func copy16(_ target: UnsafeMutableRawPointer, _ source: UnsafeRawPointer) {
    target.storeBytes(
      of: source.loadUnaligned(as: SIMD16<UInt8>.self), as: SIMD16<UInt8>.self)
  }

  @inline(__always)
  private static func copy8(_ target: UnsafeMutableRawPointer, _ source: UnsafeRawPointer) {
    target.storeBytes(of: source.loadUnaligned(as: UInt64.self), as: UInt64.self)
  }

  /// Copies `length` bytes from `distance` before `target`, which they may overlap; up to 15 more
  /// are written.
  @inline(__always)
  private static func copyMatch(_ target: UnsafeMutableRawPointer, _ distance: Int, _ length: Int) {
    let source = UnsafeRawPointer(target - distance)
    // SAFETY: the caller checked the distance and keeps 32 bytes behind the length.
    if distance >= 16 {
      copy16(target, source)
      var done = 16
      while done < length {
        copy16(target + done, source + done)
        done += 16
      }
    } else if distance >= 8 {
      var done = 0
      while done < length {
        (target + done).storeBytes(
          of: (source + done).loadUnaligned(as: UInt64.self), as: UInt64.self)
        done += 8
      }
    } else {
      for i in 0..<length {
        (target + i).storeBytes(of: (source + i).load(as: UInt8.self), as: UInt8.self)
      }
    }
  }
}
