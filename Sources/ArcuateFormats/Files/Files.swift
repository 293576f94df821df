import ArcuateCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Opens every file that the library reads or writes.
public enum Files {
  /// Default limit of `read`, in bytes.
  public static let limit = 1 << 32

  /// The whole file, read into memory.
  /// Throws. `cannotOpen` with the system's reason; `truncated`; `limitExceeded` above `limit`
  /// bytes.
  public static func read(_ path: String, limit: Int = limit) throws(ArcuateError) -> Bytes {
    try OpenFile(path).read(limit: limit)
  }

  /// The whole file, mapped: pages are read when they are touched.
  ///
  /// Needs. A file that is neither truncated nor changed in place while the bytes live, or anything
  /// made of them, such as a model and its plans and sessions: lists of connections, for example,
  /// are checked only once. Replacing it by another file of its name is safe.
  /// Throws. `cannotOpen` with the system's reason.
  public static func map(_ path: String) throws(ArcuateError) -> Bytes { try OpenFile(path).map() }

  /// Writes `bytes` as `ByteWriter` does: a reader sees either the old file or the complete new
  /// one.
  /// Throws. `cannotWrite` with the system's reason; nothing is left behind.
  public static func write(_ bytes: [UInt8], to path: String) throws(ArcuateError) {
    let writer = try ByteWriter(path)
    try writer.write(bytes)
    try ByteWriter.finish([writer])
  }

  /// A descriptor of the file, for reading. Throws. `cannotOpen` with the system's reason.
  package static func open(
    _ path: String, _ flags: Int32 = O_RDONLY
  ) throws(ArcuateError) -> Int32 {
    guard !path.isEmpty else { throw ArcuateError(.cannotOpen, "the path is empty") }
    let file = openDescriptor(path, flags)
    guard file >= 0 else {
      throw ArcuateError(.cannotOpen, "cannot be opened: \(reason())", at: path)
    }
    return file
  }

  /// The path that the symbolic links at `path` lead to, whether or not it exists; nil for a cycle.
  package static func target(of path: String) -> String? {
    var path = path
    // As many as Linux follows.
    for _ in 0...40 {
      var name = [UInt8](repeating: 0, count: Int(widening: PATH_MAX))
      // SAFETY: the pointer is valid for the size of the buffer during the call.
      let count = name.withUnsafeMutableBytes { readlink(path, $0.baseAddress!, $0.count) }
      guard count > 0 else { return path }
      guard let next = String(validating: name[..<count], as: UTF8.self) else { return nil }
      path = next.hasPrefix("/") ? next : split(path).folder + next
    }
    return nil
  }

  /// The folder, with its trailing slash, and the name in it.
  package static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return ("", path) }
    let start = path.index(after: slash)
    return (String(path[..<start]), String(path[start...]))
  }

  /// Whether the path is a folder.
  public static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The regular files below a folder, as paths within it, in no order; links to folders are not
  /// followed, hidden files are left out.
  /// Throws. `cannotOpen` with the system's reason; `limitExceeded` for more than `limit` files or
  /// folders nested more than 64 deep.
  package static func list(_ folder: String, limit: Int) throws(ArcuateError) -> [String] {
    var found: [String] = []
    var waiting: [(path: String, depth: Int)] = [("", 0)]
    while let (path, depth) = waiting.popLast() {
      let location = folder + "/" + path
      guard depth <= 64 else {
        throw ArcuateError(.limitExceeded, "folders are nested more than 64 deep", at: location)
      }
      guard let stream = opendir(location) else {
        throw ArcuateError(.cannotOpen, "cannot be opened: \(reason())", at: location)
      }
      defer { closedir(stream) }
      while let entry = readdir(stream) {
        let name = Self.name(of: entry)
        guard !name.hasPrefix(".") else { continue }
        var status = stat()
        let isFolder =
          lstat(location + "/" + name, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        if isFolder {
          waiting.append((path + name + "/", depth + 1))
        } else if stat(location + "/" + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG {
          found.append(path + name)
          guard found.count <= limit else {
            throw ArcuateError(.limitExceeded, "has more than \(limit) files", at: folder)
          }
        }
      }
    }
    return found
  }

  /// The name of an entry of a folder.
  static func name(of entry: UnsafeMutablePointer<dirent>) -> String {
    // SAFETY: the name lies in the entry, which lives until the next call of readdir, and ends
    // with a zero.
    withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
  }

  /// Whether the path exists and is not a regular file: a pipe, a terminal, `/dev/null`.
  public static func isSpecial(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG
  }

  /// The system's reason for the failure of the last call.
  package static func reason() -> String { String(cString: strerror(errno)) }
}
