import Arcuate
import ArcuateConsole

/// Memory of this process, as reported by Linux.
enum ProcessMemory {
  /// The peak of resident memory since `resetPeak`, in bytes; nil if unknown.
  static var peak: Int? { field("VmHWM:") }
  /// Resident memory in bytes; nil if unknown.
  static var now: Int? { field("VmRSS:") }

  /// Returns free memory to the system and restarts the peak; false if that is not possible.
  @discardableResult
  static func resetPeak() -> Bool {
    Allocator.trim()
    return System.overwrite("/proc/self/clear_refs", with: "5")
  }

  private static func field(_ name: String) -> Int? {
    let text = System.text(of: "/proc/self/status", limit: 8192) ?? ""
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else {
      return nil
    }
    return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
      .flatMap { Int($0) }.map { $0 * 1024 }
  }
}
