import Arcuate
import ArcuateConsole
import ArcuateData
import Glibc

/// How an epoch goes: a bar on a terminal, a line now and then in a log, and what it came to.
struct EpochProgress {
  private let what: String
  private let batches: Int
  private let isQuiet: Bool
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let start = ContinuousClock.now
  private var next: Duration

  init(_ epoch: Int, _ epochs: Int, _ batches: Int, quiet: Bool) {
    what = "epoch \(epoch + 1)/\(epochs)"
    self.batches = batches
    isQuiet = quiet
    next = isTerminal ? .milliseconds(100) : .seconds(30)
  }

  mutating func update(_ done: Int, _ result: TrainingResult) {
    let elapsed = ContinuousClock.now - start
    guard !isQuiet, elapsed >= next else { return }
    next = elapsed + (isTerminal ? .milliseconds(100) : .seconds(30))
    let count = Double(max(1, result.samples))
    let text =
      "\(what) loss \(fixed(result.loss, 4)), \(fixed(100 * result.accuracy, 2)) %, "
      + "\(fixed(Double(result.spikes) / count, 0)) spikes, "
      + "\(fixed(Double(result.additions + result.products) / count, 0)) operations, "
      + "\(fixed(count / (elapsed / .seconds(1)), 0)) samples/s"
    guard isTerminal else { return say("arcuate: \(text)") }
    let filled = 20 * done / max(1, batches)
    put(
      "\r\u{1B}[K[" + String(repeating: "#", count: filled)
        + String(repeating: ".", count: 20 - filled) + "] " + text)
  }

  func finish(_ entry: JSON) {
    guard !isQuiet else { return }
    if isTerminal { put("\r\u{1B}[K") }
    func number(_ name: String) -> Double? {
      guard case .number(let text)? = entry.members[name] else { return nil }
      return Double(text)
    }
    var text =
      "\(what) loss \(fixed(number("loss") ?? 0, 4)), \(fixed(100 * (number("accuracy") ?? 0), 2)) %, "
      + "\(fixed(number("spikes") ?? 0, 0)) spikes, "
      + "\(fixed((number("additions") ?? 0) + (number("products") ?? 0), 0)) operations"
    if let loss = number("validation_loss"), let accuracy = number("validation_accuracy") {
      text += "; validation loss \(fixed(loss, 4)), \(fixed(100 * accuracy, 2)) %"
    }
    say("arcuate: \(text); \(fixed(number("seconds") ?? 0, 1)) s")
  }
}
