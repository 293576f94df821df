import ArcuateCore
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes a file, the standard output or a pipe sequentially.
///
/// A regular file gets its name in `finish`: before that a reader sees the old file or none, and an
/// unfinished writer leaves nothing behind; what a killed process left goes with the next file of
/// that name. A replaced file keeps its permissions; if the path is a
/// symbolic link, the file it leads to is replaced.
public final class ByteWriter {
  /// Its name in messages.
  public let name: String
  /// The final path, symbolic links resolved.
  private let target: String
  /// The path until `finish`; nil if the target is written directly.
  private let temporary: String?
  private var file: Int32
  private var buffer: [UInt8] = []
  private var written = 0

  private static let bufferSize = 1 << 16
  /// Bytes between checks whether the call is to end.
  private static let mostAtOnce = 1 << 22

  /// Temporary paths in use; nil once `discardAll` was called.
  private static let unfinished = Mutex<Set<String>?>([])
  private static let serial = Atomic<Int>(0)

  /// The file at `path`; `-` is the standard output. With `waits` a pipe waits for its reader, else
  /// one without a reader is an error.
  /// Throws. `cannotWrite` with the system's reason.
  public init(_ path: String, waits: Bool = false) throws(ArcuateError) {
    guard !path.isEmpty else { throw ArcuateError(.cannotWrite, "the path is empty") }
    if path == "-" {
      target = path
      name = "standard output"
      temporary = nil
      file = dup(STDOUT_FILENO)
    } else if Files.isSpecial(path) {
      target = path
      name = path
      temporary = nil
      file = openDescriptor(path, waits ? O_WRONLY : O_WRONLY | O_NONBLOCK)
      if file < 0, errno == ENXIO {
        throw ArcuateError(.cannotWrite, "is a pipe that nobody reads", at: path)
      }
      if file >= 0, !waits { _ = fcntl(file, F_SETFL, O_WRONLY) }
    } else {
      name = path
      guard let target = Files.target(of: path) else {
        throw ArcuateError(.cannotWrite, "is a cycle of symbolic links", at: path)
      }
      self.target = target
      Leftovers.remove(for: target)
      var status = stat()
      let mode = stat(target, &status) == 0 ? status.st_mode & 0o777 : nil
      var (made, unique) = (-1 as Int32, "")
      repeat {
        if made >= 0 { close(made) }
        let number = ByteWriter.serial.add(1, ordering: .relaxed).newValue
        unique = Leftovers.path(for: target, number: number)
        made = openDescriptor(unique, O_WRONLY | O_CREAT | O_EXCL, mode == nil ? 0o666 : 0o600)
      } while made >= 0 && !Leftovers.lock(made)
      temporary = unique
      file = ByteWriter.unfinished.withLock { names in
        let file = made
        guard names != nil else {
          if file >= 0 {
            close(file)
            unlink(unique)
          }
          return -1
        }
        if file >= 0 { names!.insert(unique) }
        // A file system without permissions may refuse, which does no harm.
        if file >= 0, let mode { _ = fchmod(file, mode) }
        return file
      }
    }
    guard file >= 0 else { throw failure() }
    buffer.reserveCapacity(ByteWriter.bufferSize)
  }

  deinit { discard() }

  /// Bytes written so far.
  public var position: Int { written + buffer.count }

  /// Throws. `cannotWrite` with the system's reason.
  public func write(_ bytes: some Sequence<UInt8>) throws(ArcuateError) {
    buffer.append(contentsOf: bytes)
    if buffer.count >= ByteWriter.bufferSize { try flush() }
  }

  public func write(_ text: String) throws(ArcuateError) { try write(text.utf8) }

  /// Writes many bytes from where they lie, without a copy.
  /// Throws. `cannotWrite`, `canceled`.
  package func write(whole bytes: Bytes) throws(ArcuateError) {
    try flush()
    // SAFETY: the bytes live through the call.
    try bytes.withUnsafeBytes { part throws(ArcuateError) in try put(part) }
  }

  /// Writes the buffered bytes. Throws. `cannotWrite`, `canceled`.
  public func flush() throws(ArcuateError) {
    // SAFETY: the buffer lives through the call.
    try buffer.withUnsafeBufferPointer { part throws(ArcuateError) in
      try put(UnsafeRawBufferPointer(part))
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private func put(_ bytes: UnsafeRawBufferPointer) throws(ArcuateError) {
    var done = 0
    while done < bytes.count {
      try Cancellation.check()
      let end = min(bytes.count, done + ByteWriter.mostAtOnce)
      // SAFETY: the call gets the address and the size of a part of the bytes.
      let wrote = writeDescriptor(file, UnsafeRawBufferPointer(rebasing: bytes[done..<end]))
      guard wrote > 0 else { throw failure() }
      done += wrote
    }
    written += done
  }

  /// Replaces bytes that were written already; false if the target is not a regular file.
  /// Throws. `cannotWrite`.
  package func replace(_ bytes: [UInt8], at offset: Int) throws(ArcuateError) -> Bool {
    guard temporary != nil else { return false }
    try flush()
    // SAFETY: the array lives through the call, which gets its size.
    let wrote = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, off_t(offset)) }
    guard wrote == bytes.count else { throw failure() }
    return true
  }

  /// Closes the files and renames them to their final paths: all, or as far as possible none.
  /// Throws. `cannotWrite`.
  public static func finish(_ writers: [ByteWriter]) throws(ArcuateError) {
    for writer in writers {
      try writer.flush()
      let file = writer.file
      writer.file = -1
      guard close(file) == 0 else { throw writer.failure() }
    }
    try unfinished.withLock { names throws(ArcuateError) in
      for writer in writers {
        guard let temporary = writer.temporary else { continue }
        guard names?.contains(temporary) == true, rename(temporary, writer.target) == 0 else {
          throw writer.failure()
        }
        names?.remove(temporary)
      }
    }
  }

  /// Closes the file and removes it; has no effect after `finish`.
  public func discard() {
    if file >= 0 { close(file) }
    file = -1
    guard let temporary else { return }
    ByteWriter.unfinished.withLock { names in
      if names?.remove(temporary) != nil { unlink(temporary) }
    }
  }

  /// Removes every unfinished file; none can be started or finished afterwards. For a process that
  /// is about to exit.
  public static func discardAll() {
    unfinished.withLock { names in
      for name in names ?? [] { unlink(name) }
      names = nil
    }
  }

  private func failure() -> ArcuateError {
    ArcuateError(.cannotWrite, "cannot be written: \(Files.reason())", at: name)
  }
}
