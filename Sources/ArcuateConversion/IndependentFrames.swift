import ArcuateCore
import ArcuateModel
import ArcuateRuntime

/// Frames that are independent of one another, run in batches.
struct IndependentFrames {
  let count: Int
  /// For each input port, [count][shape].
  private let inputs: [[Float]]
  private let sizes: [Int]
  private let base: CompileOptions

  /// The largest number of streams of a session.
  private static let mostStreams = 64
  private static let mostOutputs = 1 << 22
  private static let mostOutputsOfAFrame = 1 << 28
  static let mostFrames = 1 << 26

  /// Throws. What compiling throws; `invalidArgument`, `bufferSize` for frames that do not fit.
  init(_ sample: SampleFrames, of model: Model) throws(ArcuateError) {
    let plan = try model.compile(sample.options)
    try sample.check(against: plan)
    count = sample.frames * sample.options.batch
    guard count <= Self.mostFrames else {
      throw ArcuateError(
        .limitExceeded, "\(count) frames exceed the limit of \(Self.mostFrames)")
    }
    inputs = sample.inputs
    sizes = plan.inputs.map(\.shape.count)
    base = sample.options
  }

  /// The largest magnitude at an input port, and whether any number is below zero.
  /// Throws. `canceled`.
  func extent(port: Int) throws(ArcuateError) -> (largest: Float, hasNegative: Bool) {
    var (largest, hasNegative) = (Float(0), false)
    for (i, value) in inputs[port].enumerated() {
      if i & 0xF_FFFF == 0 { try Cancellation.check() }
      largest = max(largest, value.magnitude)
      if value < 0 { hasNegative = true }
    }
    return (largest, hasNegative)
  }

  /// Runs the model on all frames, each from rest, and calls `body` with the outputs: one array for
  /// each output port, [frames of the part][shape], or with every step [steps][frames][shape].
  ///
  /// Returns the sessions, for their counters.
  @discardableResult
  func run(
    _ model: Model, steps: Int, output: CompileOptions.FrameOutput,
    _ body: (_ part: Range<Int>, _ outputs: [[Float]]) throws(ArcuateError) -> Void
  ) throws(ArcuateError) -> [Session] {
    var options = base
    options.stepsPerFrame = steps
    options.frameState = .reset
    options.frameInput = .hold
    options.frameOutput = output
    var sessions: [Session] = []
    var start = 0
    while start < count {
      if sessions.isEmpty || sessions.last!.plan.options.batch > count - start {
        options.batch = min(Self.mostStreams, count - start)
        var plan = try model.compile(options)
        if sessions.isEmpty, output == .every {
          let perFrame = plan.outputs.reduce(1) { $0 + $1.shape.count } * steps
          guard perFrame <= Self.mostOutputsOfAFrame else {
            throw ArcuateError(
              .limitExceeded,
              "\(steps) steps of a frame have \(perFrame) outputs, which exceeds the limit of "
                + "\(Self.mostOutputsOfAFrame)")
          }
          options.batch = max(1, min(options.batch, Self.mostOutputs / perFrame))
          plan = try model.compile(options)
        }
        sessions.append(try plan.makeSession())
      }
      let session = sessions.last!
      let part = start..<start + session.plan.options.batch
      try body(
        part,
        try session.run(
          frames: 1,
          inputs.indices.map { port in
            Array(inputs[port][part.lowerBound * sizes[port]..<part.upperBound * sizes[port]])
          }))
      start = part.upperBound
    }
    return sessions
  }
}
