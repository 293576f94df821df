import CShims
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The instructions that the kernels use: the best that this processor has of those they were
/// compiled for, or what the environment variable `ARCUATE_INSTRUCTIONS` asks for.
///
/// Results have the same bits with all of them, but where a plan leaves the order of sums open.
/// Which it is gets settled when the library is first used, and does not change after.
public enum Instructions: String, Sendable, CaseIterable {
  #if arch(x86_64)
    case avx2, avx512
    /// AVX-512 and tiles.
    case amx
  #else
    case baseline
  #endif

  /// Those that this processor has, least first.
  public static var available: [Instructions] { available(best: best) }

  /// Those that are in use.
  public static var current: Instructions {
    _ = beginning
    #if arch(x86_64)
      return cshims_uses_tiles() ? .amx : cshims_uses_avx512() ? .avx512 : .avx2
    #else
      return .baseline
    #endif
  }

  /// Why these are not what was asked for; nil if they are.
  public static var remark: String? { beginning }

  /// Settles which are used and tells the log, once, if they are not what was asked for.
  static func settle() {
    guard let remark = beginning, !isSaid.exchange(true, ordering: .relaxed) else { return }
    Log.write(.note, remark)
  }

  /// Uses others from now on. For tests. Needs. No kernel is running; `self` is available.
  package func use() {
    _ = Instructions.beginning
    precondition(Instructions.available.contains(self), "this processor has no \(rawValue)")
    set()
  }

  /// What is used where `asked` is the variable, and why it is not what was asked for.
  static func choice(
    asked: String?, best: Instructions
  ) -> (instructions: Instructions, remark: String?) {
    guard let asked, !asked.isEmpty else { return (best, nil) }
    if let one = available(best: best).first(where: { $0.rawValue == asked }) { return (one, nil) }
    let words = "ARCUATE_INSTRUCTIONS asks for \(asked)"
    guard Instructions(rawValue: asked) == nil else {
      return (best, "\(words), which this processor lacks; \(best.rawValue) is used")
    }
    let known = allCases.map(\.rawValue).joined(separator: " or ")
    return (best, "\(words), which is not \(known); \(best.rawValue) is used")
  }

  /// Those up to the best, each of which has what the ones before it have.
  private static func available(best: Instructions) -> [Instructions] {
    Array(allCases.prefix { $0 != best }) + [best]
  }

  /// The best that this processor has.
  private static let best: Instructions = {
    #if arch(x86_64)
      cshims_cpu_has_tiles() ? .amx : cshims_cpu_has_avx512() ? .avx512 : .avx2
    #else
      .baseline
    #endif
  }()

  private func set() {
    #if arch(x86_64)
      cshims_use_avx512(self != .avx2)
      cshims_use_tiles(self == .amx)
    #endif
  }

  /// Makes the choice when it is first asked for; what it is has the remark.
  private static let beginning: String? = {
    let asked = getenv("ARCUATE_INSTRUCTIONS").map { String(cString: $0) }
    let (instructions, remark) = choice(asked: asked, best: best)
    instructions.set()
    return remark
  }()

  // Beside `beginning`, since a listener that uses the library would wait for itself in there.
  private static let isSaid = Atomic(false)
}
