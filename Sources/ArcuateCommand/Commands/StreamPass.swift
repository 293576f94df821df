import Arcuate
import ArcuateConsole
import ArcuateData

/// Runs utterances in parallel on the streams of one session.
///
/// A stream works on a piece: a whole utterance if state is kept between frames, `chunk` frames of
/// one if it is reset, so that frames of different utterances share a call. When a piece ends, its
/// stream takes the next. With exact numerics, results do not depend on what runs together.
final class StreamPass {
  private let session: Session
  private let output: Int
  private let splicing: Splicing
  private let timing: FrameTiming
  private let chunk: Int
  private let inputCount: Int
  /// Output values for one frame of one stream.
  private let outputCount: Int

  private final class Utterance {
    let key: String
    let features: KaldiMatrix
    /// Frames that the network processes: those of the utterance and the repeated edges.
    let frames: Int
    var outputs: [Float]
    var framesGiven = 0
    var framesDone = 0

    init(_ key: String, _ features: KaldiMatrix, _ timing: FrameTiming, outputCount: Int) {
      self.key = key
      self.features = features
      frames = timing.left + features.rows + timing.latency
      let rows = (features.rows + timing.subsampling - 1) / timing.subsampling
      outputs = [Float](repeating: 0, count: rows * outputCount)
    }
  }
  private struct Piece {
    let utterance: Utterance
    var frames: Range<Int>
  }

  /// Utterances that are not yet written, in input order.
  private var utterances: [Utterance] = []
  private var pieces: [Piece?]

  private(set) var frames = 0
  private(set) var counters = Counters()
  private(set) var latencies = Latencies()
  private(set) var elapsed = Duration.zero
  private(set) var inNetwork = Duration.zero

  init(
    _ session: Session, output: Int, splicing: Splicing, timing: FrameTiming, chunk: Int
  ) {
    let plan = session.plan
    self.session = session
    self.output = output
    self.splicing = splicing
    self.timing = timing
    self.chunk = chunk
    inputCount = plan.inputs[0].shape.count
    outputCount = plan.outputCount(port: output, frames: 1) / plan.options.batch
    pieces = [Piece?](repeating: nil, count: plan.options.batch)
  }

  private var options: CompileOptions { session.plan.options }

  /// Throws. `malformed` or `shapeMismatch` if an utterance with these features cannot be run.
  func admit(_ features: KaldiMatrix) throws {
    guard features.rows > 0 else { throw ArcuateError(.malformed, "has no frames") }
    try splicing.check(columns: features.columns, needed: inputCount)
    if let index = features.values.firstIndex(where: { !$0.isFinite }) {
      throw ArcuateError(
        .malformed,
        "frame \(index / features.columns), column \(index % features.columns) is not finite")
    }
  }

  /// Runs the utterances of `next` and passes the rows of each to `emit`, in input order. At most four
  /// times as many utterances as streams are in memory.
  func run(
    next: () throws -> (key: String, features: KaldiMatrix)?,
    emit: (_ key: String, _ rows: Int, _ values: [Float]) throws -> Void
  ) throws {
    let start = ContinuousClock.now
    defer { elapsed = ContinuousClock.now - start }
    var hasMore = true
    while true {
      for stream in pieces.indices where pieces[stream] == nil {
        pieces[stream] = nextPiece()
        while pieces[stream] == nil, hasMore, utterances.count < 4 * pieces.count {
          guard let (key, features) = try next() else {
            hasMore = false
            break
          }
          utterances.append(Utterance(key, features, timing, outputCount: outputCount))
          pieces[stream] = nextPiece()
        }
        if pieces[stream] != nil { try session.reset(stream: stream) }
      }
      guard pieces.contains(where: { $0 != nil }) else { return }
      try runPieces()
      while let done = utterances.first, done.framesDone == done.frames {
        let columns = session.plan.outputs[output].shape.count
        try emit(done.key, done.outputs.count / max(columns, 1), done.outputs)
        utterances.removeFirst()
      }
    }
  }

  /// The next frames without a stream; only the newest utterance can have any.
  private func nextPiece() -> Piece? {
    guard let newest = utterances.last, newest.framesGiven < newest.frames else {
      return nil
    }
    let rest = newest.frames - newest.framesGiven
    let length = options.frameState == .keep ? rest : min(chunk, rest)
    defer { newest.framesGiven += length }
    return Piece(utterance: newest, frames: newest.framesGiven..<newest.framesGiven + length)
  }

  /// One call of the network: as many frames as the shortest piece has left, at most `chunk`.
  private func runPieces() throws {
    let batch = pieces.count
    let length = min(chunk, pieces.compactMap { $0?.frames.count }.min() ?? 0)
    var input = [Float](repeating: 0, count: length * batch * inputCount)
    for (stream, piece) in pieces.enumerated() {
      guard let piece else { continue }
      for f in 0..<length {
        splicing.write(
          piece.utterance.features, piece.frames.lowerBound + f - timing.left, into: &input,
          at: (f * batch + stream) * inputCount)
      }
    }
    session.clearCounters()
    let start = ContinuousClock.now
    let results = try session.run(frames: length, [input])[output]
    let time = ContinuousClock.now - start
    inNetwork += time
    latencies.add(time / .seconds(1))

    // Rows of a frame are ordered by step, then by stream.
    let steps = options.frameOutput == .every ? options.stepsPerFrame : 1
    let size = outputCount / steps
    for (stream, piece) in pieces.enumerated() {
      guard let piece else { continue }
      for f in 0..<length {
        let frame = piece.frames.lowerBound + f - timing.left - timing.latency
        guard frame >= 0 else { continue }
        frames += 1
        guard frame % timing.subsampling == 0 else { continue }
        for step in 0..<steps {
          let from = ((f * steps + step) * batch + stream) * size
          let to = frame / timing.subsampling * outputCount + step * size
          for i in 0..<size { piece.utterance.outputs[to + i] = results[from + i] }
        }
      }
      piece.utterance.framesDone += length
      for node in session.plan.nodeNames.indices {
        counters = counters + (try session.counters(at: node, stream: stream))
      }
      let rest = piece.frames.dropFirst(length)
      pieces[stream] = rest.isEmpty ? nil : Piece(utterance: piece.utterance, frames: rest)
    }
  }
}
