import Arcuate

/// Progress of a long command: a bar on a terminal, an occasional line in a log.
///
/// Nothing is shown during the first second.
package struct Progress {
  private let unit: String
  private let isQuiet: Bool
  private let start = ContinuousClock.now
  private var next = Duration.seconds(1)
  // SAFETY: only the main thread shows progress.
  private nonisolated(unsafe) static var isShown = false

  package init(_ unit: String, quiet: Bool) {
    self.unit = unit
    isQuiet = quiet
  }

  /// Shows that `count` units, `fraction` of the work, are done.
  package mutating func update(_ count: Int, fraction: Double?) {
    let elapsed = ContinuousClock.now - start
    guard !isQuiet, elapsed >= next else { return }
    next = elapsed + (System.hasTerminal ? .milliseconds(100) : .seconds(30))
    let seconds = elapsed / .seconds(1)
    let percent = fraction.map { "\(fixed(100 * $0, 0)) %, " } ?? ""
    let text = "\(count) \(unit), \(percent)\(fixed(seconds, 0)) s"
    guard System.hasTerminal else { return note(text) }
    Progress.show(text, fraction: fraction, width: 30)
  }

  /// Shows a bar and a text in place of those shown before. Needs. A terminal.
  package static func show(_ text: String, fraction: Double?, width: Int) {
    var bar = ""
    if let fraction {
      let filled = Int(bounding: (Double(width) * fraction).rounded(), 0...width)
      bar =
        "[" + String(repeating: "#", count: filled)
        + String(repeating: ".", count: width - filled) + "] "
    }
    put("\r\u{1B}[K" + bar + text)
    isShown = true
  }

  /// Removes the bar, so that other lines can be written.
  package static func clear() {
    guard isShown else { return }
    put("\r\u{1B}[K")
    isShown = false
  }
}
