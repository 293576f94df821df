import Arcuate
import Glibc

/// How far a long command has come: a bar on a terminal, a line now and then in a log.
///
/// Nothing is shown in the first second.
package struct Progress {
  private let what: String
  private let isQuiet: Bool
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let start = ContinuousClock.now
  private var next = Duration.seconds(1)
  private nonisolated(unsafe) static var isShown = false

  package init(_ what: String, quiet: Bool) {
    self.what = what
    isQuiet = quiet
  }

  /// `fraction` of all is done, which is `count` of what there is to do.
  package mutating func update(_ count: Int, fraction: Double?) {
    let elapsed = ContinuousClock.now - start
    guard !isQuiet, elapsed >= next else { return }
    next = elapsed + (isTerminal ? .milliseconds(100) : .seconds(30))
    let seconds = elapsed / .seconds(1)
    let percent = fraction.map { "\(fixed(100 * $0, 0)) %, " } ?? ""
    let text = "\(count) \(what), \(percent)\(fixed(seconds, 0)) s"
    guard isTerminal else { return say("\(programName): \(text)") }
    var bar = ""
    if let fraction {
      let filled = Int((30 * min(max(fraction, 0), 1)).rounded())
      bar =
        "[" + String(repeating: "#", count: filled)
        + String(repeating: ".", count: 30 - filled) + "] "
    }
    put("\r\u{1B}[K" + bar + text)
    Progress.isShown = true
  }

  /// Takes the bar away, so that other lines can be written.
  package static func clear() {
    guard isShown else { return }
    put("\r\u{1B}[K")
    isShown = false
  }
}
