import ArcuateCore
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes written one after another to a file, to the standard output or to a pipe.
///
/// A regular file gets its name when `finish` is called: before that a reader sees the old file or
/// none, and a writer that goes away unfinished leaves nothing. A file that is replaced keeps its
/// permissions; where the path is a symbolic link, the file that it leads to is replaced.
public final class ByteWriter {
  /// What messages call it.
  public let name: String
  /// Where the file gets its name: where symbolic links lead.
  private let target: String
  /// The name until `finish`; nil for what is written straight away.
  private let temporary: String?
  private var file: Int32
  private var buffer: [UInt8] = []
  private var written = 0

  private static let bufferSize = 1 << 16

  /// Files under their temporary names; nil once they have been discarded for good.
  private static let unfinished = Mutex<Set<String>?>([])
  private static let serial = Atomic<Int>(0)

  /// The file at `path`; `-` is the standard output.
  /// Throws. `cannotWrite` with the system's reason.
  public init(_ path: String) throws {
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
      file = open(path, O_WRONLY | O_CLOEXEC)
    } else {
      name = path
      let number = ByteWriter.serial.add(1, ordering: .relaxed).newValue
      guard let target = Files.target(of: path) else {
        throw ArcuateError(.cannotWrite, "is a symbolic link that leads nowhere", at: path)
      }
      self.target = target
      let unique = "\(target).\(getpid())-\(number).partial"
      temporary = unique
      var status = stat()
      let mode = stat(target, &status) == 0 ? status.st_mode & 0o777 : nil
      file = ByteWriter.unfinished.withLock { names in
        guard names != nil else { return -1 }
        let file = open(
          unique, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode == nil ? 0o666 : 0o600)
        if file >= 0 { names!.insert(unique) }
        // A file system without permissions may refuse, and loses nothing by it.
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
  public func write(_ bytes: some Sequence<UInt8>) throws {
    buffer.append(contentsOf: bytes)
    if buffer.count >= ByteWriter.bufferSize { try flush() }
  }

  public func write(_ text: String) throws { try write(text.utf8) }

  /// Hands on what waits. Throws. `cannotWrite`.
  public func flush() throws {
    var done = 0
    while done < buffer.count {
      // SAFETY: the pointer is valid for `buffer.count - done` bytes during the call.
      let wrote = buffer.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress! + done, buffer.count - done)
      }
      if wrote < 0 && errno == EINTR { continue }
      guard wrote > 0 else { throw failure() }
      done += wrote
    }
    written += done
    buffer.removeAll(keepingCapacity: true)
  }

  /// Closes the files and gives them their names, all or, as far as the system lets it, none.
  /// Throws. `cannotWrite`.
  public static func finish(_ writers: [ByteWriter]) throws {
    for writer in writers {
      try writer.flush()
      let file = writer.file
      writer.file = -1
      guard close(file) == 0 else { throw writer.failure() }
    }
    try unfinished.withLock { names in
      for writer in writers {
        guard let temporary = writer.temporary else { continue }
        guard names?.contains(temporary) == true, rename(temporary, writer.target) == 0 else {
          throw writer.failure()
        }
        names?.remove(temporary)
      }
    }
  }

  /// Closes the file and removes what was written; nothing after `finish`.
  public func discard() {
    if file >= 0 { close(file) }
    file = -1
    guard let temporary else { return }
    ByteWriter.unfinished.withLock { names in
      if names?.remove(temporary) != nil { unlink(temporary) }
    }
  }

  /// Removes every unfinished file; none can be begun or finished afterwards. For a process that
  /// is about to end.
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
