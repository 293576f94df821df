import ArcuateCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes of a file, of the standard input or of a pipe, one after another.
public final class ByteReader {
  /// What messages call it.
  public let name: String
  private let file: Int32
  private var buffer: [UInt8]
  private var next = 0
  private var end = 0
  /// Bytes of the stream before the buffer.
  private var before = 0
  /// Where the stream ends; nil for what has no end that is known.
  private let size: Int?

  private static let bufferSize = 1 << 16

  /// The file at `path`; `-` is the standard input.
  /// Throws. `cannotOpen` with the system's reason.
  public init(_ path: String) throws {
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
      before = Int(lseek(file, 0, SEEK_CUR))
      size = Int(status.st_size)
    } else {
      size = nil
    }
    buffer = [UInt8](repeating: 0, count: ByteReader.bufferSize)
  }

  /// Bytes in memory, as if they were the file called `name`.
  public init(_ bytes: [UInt8], name: String) {
    self.name = name
    file = -1
    buffer = bytes
    end = bytes.count
    size = bytes.count
  }

  deinit { if file >= 0 { close(file) } }

  /// The offset of the next byte.
  public var position: Int { before + next }

  /// Bytes to the end of a regular file; nil for a pipe.
  public var remaining: Int? { size.map { max(0, $0 - position) } }

  /// How much of a regular file lies behind; nil for a pipe.
  public var fraction: Double? { size.map { $0 == 0 ? 1 : Double(position) / Double($0) } }

  /// The next byte, left where it is; nil at the end.
  @inline(__always)
  public func peek() throws -> UInt8? {
    if next == end { try fill() }
    return next < end ? buffer[next] : nil
  }

  /// The next byte; nil at the end.
  @inline(__always)
  public func take() throws -> UInt8? {
    let byte = try peek()
    if byte != nil { next += 1 }
    return byte
  }

  /// The next `count` bytes.
  ///
  /// Cost. Memory grows with the bytes that arrive, whatever `count` claims.
  /// Throws. `truncated` if there are fewer; for a regular file before anything is allocated.
  public func take(_ count: Int) throws -> [UInt8] {
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

  /// Goes to `offset` from the start.
  /// Throws. `truncated` behind the end; `cannotOpen` for what is not a regular file.
  public func seek(to offset: Int) throws {
    guard let size else {
      throw ArcuateError(.cannotOpen, "is not a regular file: it has no offset \(offset)")
    }
    guard offset >= 0, offset <= size else {
      throw ArcuateError(.truncated, "has \(size) bytes and no offset \(offset)")
    }
    if offset >= before, offset <= before + end {
      next = offset - before
      return
    }
    guard lseek(file, off_t(offset), SEEK_SET) == off_t(offset) else {
      throw ArcuateError(.cannotOpen, "cannot go to offset \(offset): \(Files.reason())")
    }
    (before, next, end) = (offset, 0, 0)
  }

  private func fill() throws {
    guard file >= 0 else { return }
    before += end
    (next, end) = (0, 0)
    while true {
      // SAFETY: the pointer is valid for the size of the buffer during the call.
      let got = buffer.withUnsafeMutableBytes { read(file, $0.baseAddress!, $0.count) }
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else {
        throw ArcuateError(.truncated, "cannot be read from byte \(before) on: \(Files.reason())")
      }
      end = got
      return
    }
  }

  private func truncated(_ count: Int, _ have: Int) -> ArcuateError {
    ArcuateError(.truncated, "\(count) more bytes are expected, but only \(have) are there")
  }
}
