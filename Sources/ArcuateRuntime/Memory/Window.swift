/// What a node goes through in one call: some steps of the block, for some streams.
struct Window: Sendable {
  /// Steps of the block that runs.
  var steps: Range<Int>
  var streams: Range<Int>
  /// The index of the worker that runs it: its scratch is used.
  var worker: Int

  /// Steps of a block at most.
  static let mostSteps = 32

  @inline(__always)
  init(_ steps: Range<Int>, _ streams: Range<Int>, worker: Int) {
    self.steps = steps
    self.streams = streams
    self.worker = worker
  }

  /// The same streams at one step.
  @inline(__always)
  func at(_ step: Int) -> Window { Window(step..<step + 1, streams, worker: worker) }

  /// One step of one stream.
  @inline(__always)
  func at(_ step: Int, _ stream: Int) -> Window {
    Window(step..<step + 1, stream..<stream + 1, worker: worker)
  }
}
