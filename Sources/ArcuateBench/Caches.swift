import ArcuateConsole

#if canImport(Glibc)
  import Glibc
#endif

/// Sizes of this machine's caches in bytes; the first two levels are those of one core.
struct Caches: Equatable {
  var level1, level2, level3: Int

  /// As listed by Linux, otherwise by the C library (which in a virtual machine may report the cache
  /// of the host), otherwise typical sizes.
  static let ofThisMachine = Caches(
    level1: listed(1) ?? known(1) ?? 32 << 10, level2: listed(2) ?? known(2) ?? 512 << 10,
    level3: listed(3) ?? known(3) ?? 16 << 20)

  private static func known(_ level: Int) -> Int? {
    #if canImport(Glibc)
      let names = [_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE]
      let size = sysconf(Int32(names[level - 1]))
      return size > 0 ? size : nil
    #else
      return nil
    #endif
  }

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
