import ArcuateCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads a file, the standard input or a pipe sequentially.
public final class ByteReader {
  /// Its name in messages.
  public let name: String
  private let file: Int32
  private var buffer: [UInt8]
  private var next = 0
  private var end = 0
  /// Bytes of the stream before the buffer.
  private var before = 0
  /// Length of a regular file; nil for a pipe.
  private let size: Int?
  /// The bytes instead of a file.
  private var memory: Bytes?

  private static let bufferSize = 1 << 16

  /// The file at `path`; `-` is the standard input.
  /// Throws. `cannotOpen` with the system's reason.
  public init(_ path: String) throws(ArcuateError) {
    let isInput = path == "-"
    name = isInput ? "standard input" : path
    file = isInput ? dup(STDIN_FILENO) : try Files.open(path)
    guard file >= 0 else {
      throw ArcuateError(.cannotOpen, "cannot be opened: \(Files.reason())", at: name)
    }
    var status = stat()
    let known = fstat(file, &status) == 0
    guard known, status.st_mode & S_IFMT != S_IFDIR else {
      close(file)
      throw ArcuateError(.cannotOpen, known ? "is a folder" : "cannot be examined", at: name)
    }
    if status.st_mode & S_IFMT == S_IFREG {
      // The standard input may have been read from already.
      before = Int(clamping: lseek(file, 0, SEEK_CUR))
      size = Int(clamping: status.st_size)
    } else {
      size = nil
    }
    buffer = [UInt8](repeating: 0, count: ByteReader.bufferSize)
  }

  /// Bytes in memory, as if they were a file called `name`.
  public init(_ bytes: Bytes, name: String) {
    self.name = name
    file = -1
    buffer = []
    size = bytes.count
    memory = bytes
  }

  deinit { if file >= 0 { close(file) } }

  /// The offset of the next byte.
  public var position: Int { before + next }

  /// Bytes to the end of a regular file; nil for a pipe.
  public var remaining: Int? { size.map { max(0, $0 - position) } }

  /// The part of a regular file that was read, from 0 to 1; nil for a pipe.
  public var fraction: Double? { size.map { $0 == 0 ? 1 : Double(position) / Double($0) } }

  /// The next byte, without taking it; nil at the end.
  @inline(__always)
  public func peek() throws(ArcuateError) -> UInt8? {
    if next == end { try fill() }
    return next < end ? buffer[next] : nil
  }

  /// The next byte; nil at the end.
  @inline(__always)
  public func take() throws(ArcuateError) -> UInt8? {
    let byte = try peek()
    if byte != nil { next += 1 }
    return byte
  }

  /// The next `count` bytes.
  ///
  /// Cost. Memory grows with the bytes that arrive, not with `count`.
  /// Throws. `truncated` if there are fewer; for a regular file before anything is allocated.
  public func take(_ count: Int) throws(ArcuateError) -> [UInt8] {
    if let remaining, count > remaining { throw truncated(count, remaining) }
    var bytes: [UInt8] = []
    if size != nil { bytes.reserveCapacity(count) }
    while bytes.count < count {
      if next == end { try fill() }
      guard next < end else { throw truncated(count, bytes.count) }
      let part = min(end - next, count - bytes.count)
      bytes.append(contentsOf: buffer[next..<next + part])
      next += part
    }
    return bytes
  }

  /// Calls `body` with the bytes that arrive next, at most 64 KiB, none at the end, and takes as many
  /// as it returns.
  package func takePart(
    _ body: (UnsafeRawBufferPointer) throws(ArcuateError) -> Int
  ) throws(ArcuateError) {
    if next == end { try fill() }
    let part = next..<end
    // SAFETY: the buffer lives through the call, and `part` lies inside.
    let taken = try buffer.withUnsafeBytes { bytes in
      Result { () throws(ArcuateError) in
        try body(UnsafeRawBufferPointer(rebasing: bytes[part]))
      }
    }.get()
    precondition((0...part.count).contains(taken), "no more than there are")
    next += taken
  }

  /// Continues at `offset` from the start.
  /// Throws. `truncated` beyond the end; `cannotOpen` unless the file is a regular one.
  public func seek(to offset: Int) throws(ArcuateError) {
    guard let size else {
      throw ArcuateError(.cannotOpen, "is not a regular file: cannot seek to offset \(offset)")
    }
    guard offset >= 0, offset <= size else {
      throw ArcuateError(.truncated, "offset \(offset) is outside its \(size) bytes")
    }
    if offset >= before, offset <= before + end {
      next = offset - before
      return
    }
    guard memory != nil || lseek(file, off_t(offset), SEEK_SET) == off_t(offset) else {
      throw ArcuateError(.cannotOpen, "cannot seek to offset \(offset): \(Files.reason())")
    }
    (before, next, end) = (offset, 0, 0)
  }

  /// Throws. `canceled`: what is read may have no end.
  private func fill() throws(ArcuateError) {
    try Cancellation.check()
    before += end
    (next, end) = (0, 0)
    if let memory {
      buffer = try memory.slice(before, min(ByteReader.bufferSize, memory.count - before)).array
      end = buffer.count
      return
    }
    // SAFETY: the buffer lives through the call, which gets its size.
    let got = buffer.withUnsafeMutableBytes { readDescriptor(file, $0) }
    guard got >= 0 else {
      throw ArcuateError(.truncated, "cannot be read beyond byte \(before): \(Files.reason())")
    }
    end = got
  }

  private func truncated(_ count: Int, _ have: Int) -> ArcuateError {
    ArcuateError(.truncated, "needs \(count) more bytes, but only \(have) remain")
  }
}
