import Arcuate
import ArcuateConsole
import Glibc

/// Memory of this process, as the system counts it.
enum ProcessMemory {
  /// The most that has been resident since `forgetPeak`, in bytes; nil where nobody counts.
  static var peak: Int? { field("VmHWM:") }
  /// What is resident now.
  static var now: Int? { field("VmRSS:") }

  /// Gives back what is free, and begins to count the peak anew; false if that is not possible.
  @discardableResult
  static func forgetPeak() -> Bool {
    Allocator.trim()
    let file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    return write(file, "5", 1) == 1
  }

  private static func field(_ name: String) -> Int? {
    let file = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 8192)
    let count = read(file, &bytes, bytes.count)
    guard count > 0 else { return nil }
    let text = String(decoding: bytes[..<count], as: UTF8.self)
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else {
      return nil
    }
    return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
      .flatMap { Int($0) }.map { $0 * 1024 }
  }
}
