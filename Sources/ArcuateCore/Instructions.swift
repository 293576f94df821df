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
/// Results have the same bits with all of them. Which it is gets settled when the library is first
/// used, and does not change after.
public enum Instructions: String, Sendable, CaseIterable {
  #if arch(x86_64)
    case avx2, avx512
  #else
    case baseline
  #endif

  /// Those that this processor has, least first.
  public static var available: [Instructions] { available(hasAVX512: cshims_cpu_has_avx512()) }

  /// Those that are in use.
  public static var current: Instructions {
    _ = beginning
    #if arch(x86_64)
      return cshims_uses_avx512() ? .avx512 : .avx2
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
    asked: String?, hasAVX512: Bool
  ) -> (instructions: Instructions, remark: String?) {
    let available = available(hasAVX512: hasAVX512)
    let best = available[available.count - 1]
    guard let asked, !asked.isEmpty else { return (best, nil) }
    if let one = available.first(where: { $0.rawValue == asked }) { return (one, nil) }
    let words = "ARCUATE_INSTRUCTIONS asks for \(asked)"
    guard Instructions(rawValue: asked) == nil else {
      return (best, "\(words), which this processor lacks; \(best.rawValue) is used")
    }
    let known = allCases.map(\.rawValue).joined(separator: " or ")
    return (best, "\(words), which is not \(known); \(best.rawValue) is used")
  }

  private static func available(hasAVX512: Bool) -> [Instructions] {
    #if arch(x86_64)
      hasAVX512 ? [.avx2, .avx512] : [.avx2]
    #else
      [.baseline]
    #endif
  }

  private func set() {
    #if arch(x86_64)
      cshims_use_avx512(self == .avx512)
    #endif
  }

  /// Makes the choice when it is first asked for; what it is has the remark.
  private static let beginning: String? = {
    let asked = getenv("ARCUATE_INSTRUCTIONS").map { String(cString: $0) }
    let (instructions, remark) = choice(asked: asked, hasAVX512: cshims_cpu_has_avx512())
    instructions.set()
    return remark
  }()

  // Beside `beginning`, since a listener that uses the library would wait for itself in there.
  private static let isSaid = Atomic(false)
}
