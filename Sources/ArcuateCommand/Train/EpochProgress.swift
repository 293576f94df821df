import Arcuate
import ArcuateConsole

/// Progress of an epoch: a bar on a terminal, an occasional line in a log, and a summary at its end.
struct EpochProgress {
  private let title: String
  private let batches: Int
  private let isQuiet: Bool
  private let start = ContinuousClock.now
  private var next: Duration

  init(_ epoch: Int, _ epochs: Int, _ batches: Int, quiet: Bool) {
    title = "epoch \(epoch + 1)/\(epochs)"
    self.batches = batches
    isQuiet = quiet
    next = System.hasTerminal ? .milliseconds(100) : .seconds(30)
  }

  mutating func update(_ done: Int, _ result: TrainingResult) {
    let elapsed = ContinuousClock.now - start
    guard !isQuiet, elapsed >= next else { return }
    next = elapsed + (System.hasTerminal ? .milliseconds(100) : .seconds(30))
    let count = Double(max(1, result.samples))
    let text =
      "\(title) loss \(fixed(result.loss, 4)), \(fixed(100 * result.accuracy, 2)) %, "
      + "\(fixed(Double(result.spikes) / count, 0)) spikes, "
      + "\(fixed(Double(result.additions + result.products) / count, 0)) operations, "
      + "\(fixed(count / (elapsed / .seconds(1)), 0)) samples/s"
    guard System.hasTerminal else { return note(text) }
    Progress.show(text, fraction: Double(done) / Double(max(1, batches)), width: 20)
  }

  func finish(_ entry: JSON) {
    guard !isQuiet else { return }
    func number(_ name: String) -> Double? {
      guard case .number(let text)? = entry.members[name] else { return nil }
      return Double(text)
    }
    var text =
      "\(title) loss \(fixed(number("loss") ?? 0, 4)), \(fixed(100 * (number("accuracy") ?? 0), 2)) %, "
      + "\(fixed(number("spikes") ?? 0, 0)) spikes, "
      + "\(fixed((number("additions") ?? 0) + (number("products") ?? 0), 0)) operations"
    if let loss = number("validation_loss"), let accuracy = number("validation_accuracy") {
      text += "; validation loss \(fixed(loss, 4)), \(fixed(100 * accuracy, 2)) %"
    }
    note("\(text); \(fixed(number("seconds") ?? 0, 1)) s")
  }
}
