import ArcuateCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The one place where the library opens files.
public enum Files {
  /// The whole file, read into memory.
  /// Throws. `cannotOpen` with the system's reason; `limitExceeded` above `limit` bytes.
  public static func read(_ path: String, limit: Int = 1 << 32) throws -> Bytes {
    let file = try open(path)
    defer { close(file) }
    return try within(path) { () throws -> Bytes in
      let size = try Files.size(of: file)
      guard size <= limit else {
        throw ArcuateError(.limitExceeded, "\(size) bytes are above the limit of \(limit)")
      }
      var storage = [UInt8](repeating: 0, count: size)
      var done = 0
      while done < size {
        // SAFETY: the pointer is valid for `size - done` bytes during the call.
        let got = storage.withUnsafeMutableBytes {
          Glibc.read(file, $0.baseAddress! + done, size - done)
        }
        if got < 0 && errno == EINTR { continue }
        guard got > 0 else {
          throw ArcuateError(.truncated, "could be read only up to byte \(done) of \(size)")
        }
        done += got
      }
      return Bytes(storage)
    }
  }

  /// The whole file, mapped: pages are read when they are touched.
  /// Needs. A file that is neither cut short nor changed in place while the bytes live, or anything
  /// made of them, such as a model and its plans and sessions: what was read once, such as lists of
  /// connections, is not checked again. Replacing it by another file of its name does no harm.
  /// Throws. `cannotOpen` with the system's reason.
  public static func map(_ path: String) throws -> Bytes {
    let file = try open(path)
    defer { close(file) }
    let size = try within(path) { try Files.size(of: file) }
    if size == 0 { return Bytes([]) }
    guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0), address != MAP_FAILED
    else {
      throw ArcuateError(.cannotOpen, "cannot be mapped: \(reason())", at: path)
    }
    // SAFETY: the mapping is `size` bytes long, read only, and unmapped when its owner goes.
    return Bytes(
      unsafe: UnsafeRawBufferPointer(start: address, count: size),
      owner: Mapping(address: address, size: size))
  }

  /// Writes `bytes` as `ByteWriter` does: a reader sees either the old file or the whole new one.
  /// Throws. `cannotWrite` with the system's reason; nothing is left behind.
  public static func write(_ bytes: [UInt8], to path: String) throws {
    let writer = try ByteWriter(path)
    try writer.write(bytes)
    try ByteWriter.finish([writer])
  }

  private final class Mapping: PageOwner {
    let address: UnsafeMutableRawPointer
    let size: Int
    init(address: UnsafeMutableRawPointer, size: Int) {
      self.address = address
      self.size = size
    }
    deinit { munmap(address, size) }

    func letGo(_ buffer: UnsafeRawBufferPointer) {
      let page = Int(getpagesize())
      let offset = buffer.baseAddress! - UnsafeRawPointer(address)
      let start = offset / page * page
      let end = (offset + buffer.count + page - 1) / page * page
      // SAFETY: pages of the mapping, if shared with neighbours as well; what is read again is
      // fetched from the file again.
      if end > start { madvise(address + start, end - start, Int32(MADV_DONTNEED)) }
    }
  }

  package static func open(_ path: String) throws -> Int32 {
    guard !path.isEmpty else { throw ArcuateError(.cannotOpen, "the path is empty") }
    let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      throw ArcuateError(.cannotOpen, "cannot be opened: \(reason())", at: path)
    }
    return file
  }

  private static func size(of file: Int32) throws -> Int {
    var status = stat()
    guard fstat(file, &status) == 0 else {
      throw ArcuateError(.cannotOpen, "cannot be examined: \(reason())")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw ArcuateError(.cannotOpen, "is not a regular file")
    }
    return Int(status.st_size)
  }

  /// Where the symbolic links at `path` lead, whether or not something is there; nil for a circle.
  package static func target(of path: String) -> String? {
    var path = path
    // As many as Linux follows.
    for _ in 0...40 {
      var name = [UInt8](repeating: 0, count: Int(PATH_MAX))
      // SAFETY: the pointer is valid for the size of the buffer during the call.
      let count = name.withUnsafeMutableBytes { readlink(path, $0.baseAddress!, $0.count) }
      guard count > 0 else { return path }
      guard let next = String(validating: name[..<count], as: UTF8.self) else { return nil }
      path = next.hasPrefix("/") ? next : split(path).folder + next
    }
    return nil
  }

  /// The folder, with the slash behind it, and the name in it.
  package static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return ("", path) }
    let start = path.index(after: slash)
    return (String(path[..<start]), String(path[start...]))
  }

  /// Whether a folder is there.
  public static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The regular files below a folder, as paths within it, in no order; links to folders are not
  /// followed, names that begin with a full stop are left out.
  /// Throws. `cannotOpen` with the system's reason; `limitExceeded` for more than `limit` files or
  /// folders in each other more than 64 deep.
  package static func list(_ folder: String, limit: Int) throws -> [String] {
    var found: [String] = []
    var waiting: [(path: String, depth: Int)] = [("", 0)]
    while let (path, depth) = waiting.popLast() {
      let place = folder + "/" + path
      guard depth <= 64 else {
        throw ArcuateError(.limitExceeded, "folders are nested more than 64 deep", at: place)
      }
      guard let stream = opendir(place) else {
        throw ArcuateError(.cannotOpen, "cannot be opened: \(reason())", at: place)
      }
      defer { closedir(stream) }
      while let entry = readdir(stream) {
        // SAFETY: the name lies in the entry, which lives until the next call, and ends with a zero.
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        guard !name.hasPrefix(".") else { continue }
        var status = stat()
        let isFolder =
          lstat(place + "/" + name, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        if isFolder {
          waiting.append((path + name + "/", depth + 1))
        } else if stat(place + "/" + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG {
          found.append(path + name)
          guard found.count <= limit else {
            throw ArcuateError(.limitExceeded, "has more than \(limit) files", at: folder)
          }
        }
      }
    }
    return found
  }

  /// Whether something is there that is not a regular file: a pipe, a terminal, `/dev/null`.
  public static func isSpecial(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG
  }

  package static func reason() -> String { String(cString: strerror(errno)) }
}
