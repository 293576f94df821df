import Arcuate
import ArcuateConsole
import ArgumentParser

extension TrainingOptions.Mode: ExpressibleByArgument {}
extension GradientOptions.Input: ExpressibleByArgument {}
extension OptimizerOptions.Kind: ExpressibleByArgument {}
extension Loss.Kind: ExpressibleByArgument {}
extension Loss.Readout: ExpressibleByArgument {}

/// Options of training that do not depend on where the samples come from.
struct TrainingArguments: ParsableArguments {
  @Option(help: "direct, or tandem: an artificial network trained with its spiking counterpart.")
  var mode = TrainingOptions.Mode.direct

  @Option(parsing: .unconditional, help: "Batch size, in samples.")
  var batch = 128

  @Option(parsing: .unconditional, help: "Time steps per sample.")
  var steps = 1

  @Option(
    name: .customLong("input"),
    help: "Present a sample at every step (hold), at the first step, or with values for every step."
  )
  var entering = GradientOptions.Input.hold

  @Option(help: "Loss to minimize.")
  var loss = Loss.Kind.crossEntropy

  @Option(help: "What is read off the outputs over the steps.")
  var readout = Loss.Readout.sum

  @Option(
    help: """
      Surrogate derivative of a spike: box:0.5:1, triangle:1:0.3, fast_sigmoid:25, arctan:2 or \
      spike_time:0.3:0.01; default: box:0.5:1.
      """)
  var surrogate: String?

  @Option(help: "Optimizer.")
  var optimizer = OptimizerOptions.Kind.adam

  @Option(parsing: .unconditional, help: "Learning rate.")
  var rate: Float = 1e-3

  @Option(parsing: .unconditional, help: "Momentum of sgd.")
  var momentum: Float = 0

  @Option(parsing: .unconditional, help: "Weight decay.")
  var weightDecay: Float = 0

  @Option(parsing: .unconditional, help: "Clip the norm of all gradients together.")
  var clipNorm: Float?

  @Option(parsing: .unconditional, help: "Clip each element of a gradient.")
  var clipValue: Float?

  @Option(
    help: "Learning-rate schedule: constant, decay:FACTOR:STEPS, cosine:STEPS or linear:STEPS.")
  var schedule: String?

  @Option(help: "NODE=RATE: dropout of a node's outputs; repeatable.")
  var dropout: [String] = []

  @Option(help: "Node whose parameters are not trained; repeatable.")
  var freeze: [String] = []

  @Option(help: "NODE.FIELD: neuron parameter that is trained, too; repeatable.")
  var train: [String] = []

  @Option(parsing: .unconditional, help: "Seed for all random draws.")
  var seed: UInt64 = 0

  @Option(parsing: .unconditional, help: "Number of threads, 1 ... 256.")
  var threads = 1

  /// Throws. Wrong usage for a value out of range; `invalidArgument` for other mistakes.
  func options() throws -> TrainingOptions {
    var options = TrainingOptions()
    options.mode = mode
    (options.gradient.batch, options.gradient.steps) = (batch, steps)
    (options.gradient.input, options.gradient.threads) = (entering, threads)
    options.gradient.seed = seed
    if let surrogate {
      options.gradient.surrogate = try NumberedName(surrogate, "--surrogate").surrogate()
    }
    for text in dropout {
      let parts = text.split(separator: "=")
      guard parts.count == 2, let rate = Float(parts[1]) else {
        throw ArcuateError(.invalidArgument, "\"\(text)\" is not NODE=RATE", at: "--dropout")
      }
      options.gradient.dropout[String(parts[0])] = rate
    }
    (options.gradient.frozen, options.gradient.trained) = (Set(freeze), Set(train))
    (options.optimizer.kind, options.optimizer.rate) = (optimizer, rate)
    (options.optimizer.momentum, options.optimizer.weightDecay) = (momentum, weightDecay)
    (options.optimizer.clipNorm, options.optimizer.clipValue) = (clipNorm, clipValue)
    if let schedule {
      options.optimizer.schedule = try NumberedName(schedule, "--schedule").schedule()
    }
    options.losses = [(0, Loss(loss, readout: readout))]
    try checkOptions(options.check)
    return options
  }
}

/// A name followed by numbers, separated by colons: fast_sigmoid:25.
private struct NumberedName {
  let name: String
  let numbers: [Float]
  let option: String

  init(_ text: String, _ option: String) throws {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    name = String(parts[0])
    self.option = option
    numbers = try parts.dropFirst().map { part in
      guard let number = Float(part), number.isFinite else {
        throw ArcuateError(.invalidArgument, "\"\(part)\" is not a number", at: option)
      }
      return number
    }
  }

  private func numbers(_ count: Int) throws -> [Float] {
    guard numbers.count == count else {
      throw ArcuateError(
        .invalidArgument, "\(name) takes \(count) numbers, got \(numbers.count)", at: option)
    }
    return numbers
  }

  /// The numbers, with defaults for those that are left out.
  private func numbers(or defaults: Float...) throws -> [Float] {
    guard numbers.count <= defaults.count else {
      throw ArcuateError(
        .invalidArgument, "\(name) takes up to \(defaults.count) numbers, got \(numbers.count)",
        at: option)
    }
    return numbers + defaults[numbers.count...]
  }

  private func steps(_ number: Float) throws -> Int {
    guard let steps = Int(exactly: number) else {
      throw ArcuateError(.invalidArgument, "steps must be an integer, got \(number)", at: option)
    }
    return steps
  }

  private func unknown(_ names: String) -> ArcuateError {
    ArcuateError(.invalidArgument, "unknown name \"\(name)\"; use one of \(names)", at: option)
  }

  func surrogate() throws -> Surrogate {
    switch name {
    case "box":
      let numbers = try numbers(or: 0.5, 1)
      return .box(width: numbers[0], height: numbers[1])
    case "triangle":
      let numbers = try numbers(or: 1, 0.3)
      return .triangle(width: numbers[0], height: numbers[1])
    case "fast_sigmoid": return .fastSigmoid(slope: try numbers(or: 25)[0])
    case "arctan": return .arctan(slope: try numbers(or: 2)[0])
    case "spike_time":
      let numbers = try numbers(or: 0.3, 0.01)
      return .spikeTime(alpha: numbers[0], beta: numbers[1])
    default: throw unknown("box, triangle, fast_sigmoid, arctan, spike_time")
    }
  }

  func schedule() throws -> OptimizerOptions.Schedule {
    switch name {
    case "constant":
      _ = try numbers(0)
      return .constant
    case "decay":
      let numbers = try numbers(2)
      return .decay(factor: numbers[0], steps: try steps(numbers[1]))
    case "cosine": return .cosine(steps: try steps(numbers(1)[0]))
    case "linear": return .linear(steps: try steps(numbers(1)[0]))
    default: throw unknown("constant, decay, cosine, linear")
    }
  }
}
