#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The few calls of the C library that the commands need beyond what the library offers.
package enum System {
  /// The reason of the last failed system call, such as "No such file or directory".
  package static var reason: String { String(cString: strerror(errno)) }

  /// Whether standard error is a terminal.
  package static let hasTerminal = isatty(STDERR_FILENO) == 1

  package static func exit(_ status: Int32) -> Never {
    #if canImport(Glibc)
      Glibc.exit(status)
    #else
      Darwin.exit(status)
    #endif
  }

  package static func log(_ value: Double) -> Double {
    #if canImport(Glibc)
      Glibc.log(value)
    #else
      Darwin.log(value)
    #endif
  }

  package static func exp(_ value: Double) -> Double {
    #if canImport(Glibc)
      Glibc.exp(value)
    #else
      Darwin.exp(value)
    #endif
  }

  /// Makes a folder unless the path exists; false on failure, with `reason`.
  package static func makeFolder(_ path: String) -> Bool {
    mkdir(path, 0o777) == 0 || errno == EEXIST
  }

  /// The first `limit` bytes of a file as text, such as one below /proc; nil if it cannot be read.
  package static func text(of path: String, limit: Int) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: limit)
    let count = read(file, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// Overwrites the start of an existing file; false on failure.
  package static func overwrite(_ path: String, with text: String) -> Bool {
    let file = open(path, O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    return write(file, text, text.utf8.count) == text.utf8.count
  }
}
