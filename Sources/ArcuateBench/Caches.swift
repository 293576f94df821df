import ArcuateConsole

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Sizes of this machine's caches in bytes; the first two levels are those of one core.
struct Caches: Equatable {
  var level1, level2, level3: Int

  /// As listed by Linux, otherwise by the C library (which in a virtual machine may report the cache
  /// of the host), otherwise typical sizes.
  static let ofThisMachine: Caches = {
    func size(_ level: Int, _ name: Int, or usual: Int) -> Int {
      if let size = listed(level) { return size }
      let size = sysconf(Int32(name))
      return size > 0 ? size : usual
    }
    return Caches(
      level1: size(1, _SC_LEVEL1_DCACHE_SIZE, or: 32 << 10),
      level2: size(2, _SC_LEVEL2_CACHE_SIZE, or: 512 << 10),
      level3: size(3, _SC_LEVEL3_CACHE_SIZE, or: 16 << 20))
  }()

  private static func listed(_ level: Int) -> Int? {
    for index in 0..<8 {
      let folder = "/sys/devices/system/cpu/cpu0/cache/index\(index)/"
      guard let number = word(folder + "level") else { return nil }
      guard number == "\(level)", word(folder + "type") != "Instruction",
        let text = word(folder + "size")
      else { continue }
      let unit = text.hasSuffix("K") ? 1 << 10 : text.hasSuffix("M") ? 1 << 20 : 1
      return Int(text.prefix { $0.isNumber }).map { $0 * unit }
    }
    return nil
  }

  /// The first word of a system file.
  private static func word(_ path: String) -> String? {
    System.text(of: path, limit: 64).map { String($0.prefix { !$0.isWhitespace }) }
  }
}
