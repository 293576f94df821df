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
    // Without O_NONBLOCK a pipe would wait for a writer.
    let file = try Files.open(path, O_RDONLY | O_NONBLOCK)
    var status = stat()
    guard fstat(file, &status) == 0 else {
      let reason = Files.reason()
      close(file)
      throw ArcuateError(.cannotOpen, "cannot be examined: \(reason)", at: path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(file)
      let isPipe = status.st_mode & S_IFMT == S_IFIFO
      throw ArcuateError(
        .cannotOpen, isPipe ? "is a pipe, not a regular file" : "is not a regular file", at: path)
    }
    self.path = path
    self.file = file
    size = Int(clamping: status.st_size)
  }

  deinit { close(file) }

  /// The first `count` bytes, or all of a smaller file. Throws. `truncated`, `outOfMemory`.
  func start(_ count: Int) throws(ArcuateError) -> Bytes { try bytes(min(count, size)) }

  /// The file, read into memory.
  /// Throws. `truncated`; `outOfMemory`; `limitExceeded` above `limit` bytes.
  func read(limit: Int = Files.limit) throws(ArcuateError) -> Bytes {
    guard size <= limit else {
      throw ArcuateError(.limitExceeded, "\(size) bytes exceed the limit of \(limit)", at: path)
    }
    return try bytes(size)
  }

  private func bytes(_ count: Int) throws(ArcuateError) -> Bytes {
    try within(path) { () throws(ArcuateError) in
      try Bytes.allocated(count) { block throws(ArcuateError) in
        var done = 0
        while done < count {
          // SAFETY: the call gets the rest of the block.
          let got = readDescriptor(
            file, UnsafeMutableRawBufferPointer(rebasing: block[done...]), at: done)
          guard got > 0 else {
            throw ArcuateError(
              .truncated,
              "only \(done) of \(count) bytes could be read"
                + (got < 0 ? ": \(Files.reason())" : ""))
          }
          done += got
        }
      }
    }
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
