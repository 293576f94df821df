import CShims
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The instruction set that the kernels use: the best of those they were compiled for that this
/// processor has, or the one named by the environment variable `ARCUATE_INSTRUCTIONS`.
///
/// Results have the same bits with all of them, unless a plan leaves the order of sums open. The
/// choice is made when the library is first used, and does not change after.
public enum Instructions: String, Sendable, CaseIterable {
  /// Those of the compiler's default target: older processors, other ones, and builds without flags.
  case baseline
  #if ARCUATE_AVX
    case avx2, avx512
    /// AVX-512 and AMX tiles.
    case amx
  #endif

  /// The sets that this processor has, in ascending order.
  public static var available: [Instructions] { available(best: best) }

  /// The set in use.
  public static var current: Instructions {
    _ = beginning
    #if ARCUATE_AVX
      if cshims_uses_baseline() { return .baseline }
      return cshims_uses_tiles() ? .amx : cshims_uses_avx512() ? .avx512 : .avx2
    #else
      return .baseline
    #endif
  }

  /// Why the requested set is not used; nil if it is.
  public static var remark: String? { beginning }

  /// Makes the choice, and logs once if it is not the requested set.
  package static func settle() {
    guard let remark = beginning, !isSaid.exchange(true, ordering: .relaxed) else { return }
    Log.write(.note, remark)
  }

  /// Uses this set from now on. For tests. Needs. No kernel is running; `self` is available.
  package func use() {
    _ = Instructions.beginning
    precondition(Instructions.available.contains(self), "this processor has no \(rawValue)")
    set()
  }

  /// The set to use if the variable is `asked`, and why it is not that.
  static func choice(
    asked: String?, best: Instructions
  ) -> (instructions: Instructions, remark: String?) {
    guard let asked, !asked.isEmpty else { return (best, nil) }
    if let one = available(best: best).first(where: { $0.rawValue == asked }) { return (one, nil) }
    let words = "ARCUATE_INSTRUCTIONS asks for \(asked)"
    guard Instructions(rawValue: asked) == nil else {
      return (best, "\(words), which this processor lacks; using \(best.rawValue)")
    }
    let known = allCases.map(\.rawValue).joined(separator: " or ")
    return (best, "\(words), which is not \(known); using \(best.rawValue)")
  }

  /// The sets up to the best, each of which includes the ones before it.
  private static func available(best: Instructions) -> [Instructions] {
    Array(allCases.prefix { $0 != best }) + [best]
  }

  /// The best set that this processor has.
  private static let best: Instructions = {
    #if ARCUATE_AVX
      guard cshims_cpu_has_avx2() else { return .baseline }
      return cshims_cpu_has_tiles() ? .amx : cshims_cpu_has_avx512() ? .avx512 : .avx2
    #else
      return .baseline
    #endif
  }()

  private func set() {
    #if ARCUATE_AVX
      cshims_use_baseline(self == .baseline)
      cshims_use_avx512(self == .avx512 || self == .amx)
      cshims_use_tiles(self == .amx)
    #endif
  }

  /// Makes the choice on first access; the value is the remark.
  private static let beginning: String? = {
    let asked = getenv("ARCUATE_INSTRUCTIONS").map { String(cString: $0) }
    let (instructions, remark) = choice(asked: asked, best: best)
    instructions.set()
    return remark
  }()

  // Apart from `beginning`, where a listener that uses the library would wait for itself.
  private static let isSaid = Atomic(false)
}
