import ArcuateCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A regular file that is open for reading, so that its first bytes can decide how to read the
/// rest.
struct OpenFile: ~Copyable {
  let path: String
  let size: Int
  private let file: Int32

  /// Throws. `cannotOpen` with the system's reason, or for anything but a regular file.
  init(_ path: String) throws(ArcuateError) {
    let file = try Files.open(path)
    var status = stat()
    guard fstat(file, &status) == 0 else {
      let reason = Files.reason()
      close(file)
      throw ArcuateError(.cannotOpen, "cannot be examined: \(reason)", at: path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(file)
      throw ArcuateError(.cannotOpen, "is not a regular file", at: path)
    }
    self.path = path
    self.file = file
    size = Int(clamping: status.st_size)
  }

  deinit { close(file) }

  /// The first `count` bytes, or all of a smaller file. Throws. `truncated`.
  func start(_ count: Int) throws(ArcuateError) -> Bytes { try bytes(min(count, size)) }

  /// The file, read into memory.
  /// Throws. `truncated`; `limitExceeded` above `limit` bytes.
  func read(limit: Int = Files.limit) throws(ArcuateError) -> Bytes {
    guard size <= limit else {
      throw ArcuateError(.limitExceeded, "\(size) bytes exceed the limit of \(limit)", at: path)
    }
    return try bytes(size)
  }

  private func bytes(_ count: Int) throws(ArcuateError) -> Bytes {
    var storage = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      // SAFETY: the storage lives through the call, which gets the size of its rest.
      let got = storage.withUnsafeMutableBytes {
        readDescriptor(file, UnsafeMutableRawBufferPointer(rebasing: $0[done...]), at: done)
      }
      guard got > 0 else {
        throw ArcuateError(
          .truncated,
          "only \(done) of \(count) bytes could be read"
            + (got < 0 ? ": \(Files.reason())" : ""), at: path)
      }
      done += got
    }
    return Bytes(storage)
  }

  /// The file, mapped: pages are read when they are touched. It may be closed meanwhile.
  /// Throws. `cannotOpen` with the system's reason.
  func map() throws(ArcuateError) -> Bytes {
    if size == 0 { return Bytes([]) }
    guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0), address != MAP_FAILED
    else {
      throw ArcuateError(.cannotOpen, "cannot be mapped: \(Files.reason())", at: path)
    }
    // SAFETY: the mapping is `size` bytes long, read-only, and unmapped with its owner.
    return Bytes(
      unsafe: UnsafeRawBufferPointer(start: address, count: size),
      owner: Mapping(address: address, size: size))
  }

  private final class Mapping: PageOwner {
    let address: UnsafeMutableRawPointer
    let size: Int
    init(address: UnsafeMutableRawPointer, size: Int) {
      self.address = address
      self.size = size
    }
    deinit { munmap(address, size) }

    func evict(_ buffer: UnsafeRawBufferPointer) {
      let page = Int(widening: getpagesize())
      let offset = buffer.baseAddress! - UnsafeRawPointer(address)
      let start = offset / page * page
      let end = (offset + buffer.count + page - 1) / page * page
      // SAFETY: these pages belong to the mapping; a later read loads them from the file.
      if end > start { madvise(address + start, end - start, MADV_DONTNEED) }
    }
  }
}
