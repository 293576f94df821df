import Arcuate
import ArcuateConsole
import ArcuateData

/// Frames of Kaldi utterances with their alignments: a script of features, read during training, and a
/// table of integers, held in memory.
///
/// Utterances are shuffled in each epoch and fill the shuffle buffer in turn; the frames in the buffer
/// are shuffled, and what does not fill a batch is carried over. Memory is that of the buffer.
final class KaldiSamples: TrainingSamples {
  private struct Utterance {
    let key: String
    /// Where its features are: a file and an offset.
    let location: String
    let labels: [Int32]
    /// Index of its first frame among all.
    let first: Int
  }
  private let utterances: [Utterance]
  private let splicing: Splicing
  private let width: Int
  /// Utterances whose frames are shuffled together.
  private let shuffleBuffer: Int
  let count: Int
  private var cached: (utterance: Int, matrix: KaldiMatrix)?
  /// Utterances that cannot be used, which are left out; each is reported once.
  private var isBad: Set<Int> = []
  private let warn: (ArcuateError) -> Void

  /// Throws. As reading does; `notFound` if no utterance has features and an alignment.
  init(
    scp: String, alignments: String, splicing: Splicing, width: Int, shuffleBuffer: Int,
    warn: @escaping (ArcuateError) -> Void
  ) throws {
    var labels: [String: [Int32]] = [:]
    let reader = try KaldiTableReader(alignments, expecting: .integers)
    while let (key, value) = try reader.next() {
      if case .integers(let integers) = value { labels[key] = integers }
    }
    let script = String(decoding: try Files.read(scp).array, as: UTF8.self)
    var found: [Utterance] = []
    var first = 0
    for (number, line) in script.split(separator: "\n").enumerated() {
      let parts = line.split(separator: " ", maxSplits: 1)
      guard parts.count == 2 else {
        throw ArcuateError(.malformed, "must be a key and a file", at: "\(scp): line \(number + 1)")
      }
      let (key, location) = (String(parts[0]), parts[1].trimmed)
      guard let own = labels[key], !own.isEmpty else {
        warn(ArcuateError(.notFound, "has no alignment", at: "\(scp): key \"\(key)\""))
        continue
      }
      found.append(Utterance(key: key, location: location, labels: own, first: first))
      first += own.count
    }
    guard !found.isEmpty else {
      throw ArcuateError(.notFound, "no utterance has features and an alignment", at: scp)
    }
    utterances = found
    count = first
    self.warn = warn
    (self.splicing, self.width, self.shuffleBuffer) = (splicing, width, shuffleBuffer)
  }

  /// Holds out whole utterances: neighboring frames are too alike to be in both sets.
  func split(_ fraction: Double, seed: UInt64) -> (trained: [Int], validated: [Int]) {
    let heldOut = Set(
      Trainer.order(count: utterances.count, epoch: Int(widening: UInt32.max), seed: seed)
        .prefix(Int(bounding: fraction * Double(utterances.count), 0...utterances.count)))
    var (trained, validated): ([Int], [Int]) = ([], [])
    for (u, utterance) in utterances.enumerated() {
      let frames = utterance.first..<utterance.first + utterance.labels.count
      if heldOut.contains(u) { validated += frames } else { trained += frames }
    }
    return (trained, validated)
  }

  func batches(
    of size: Int, epoch: Int, seed: UInt64, among indices: [Int]
  ) throws -> BatchSequence {
    let allowed = Set(indices)
    let order = Trainer.order(count: utterances.count, epoch: epoch, seed: seed)
      .filter { allowed.contains(utterances[$0].first) }
    var next = 0
    var fills = 0
    // The spliced frames in the buffer and their labels, of which the first `used` are done.
    var pool: [Float] = []
    var labels: [Int] = []
    var used = 0
    // Whether there is a whole batch.
    func fill() -> Bool {
      while labels.count - used < size {
        guard next < order.count else { return false }
        let rest = (pool: Array(pool[(used * width)...]), labels: Array(labels[used...]))
        var frames: [(utterance: Int, frame: Int)] = []
        var matrices: [Int: KaldiMatrix] = [:]
        for u in order[next..<min(next + shuffleBuffer, order.count)] {
          let utterance = utterances[u]
          guard let matrix = usable(u) else { continue }
          matrices[u] = matrix
          frames += utterance.labels.indices.map { (u, $0) }
        }
        next += shuffleBuffer
        fills += 1
        let shuffled = Trainer.order(
          count: frames.count, epoch: epoch << 24 | fills, seed: seed ^ 0x66_7261_6D65)
        (pool, labels, used) = (rest.pool, rest.labels, 0)
        pool.reserveCapacity((labels.count + shuffled.count) * width)
        for index in shuffled {
          let (u, frame) = frames[index]
          let start = pool.count
          pool += repeatElement(0, count: width)
          splicing.write(matrices[u]!, frame, into: &pool, at: start)
          labels.append(Int(widening: utterances[u].labels[frame]))
        }
      }
      return true
    }
    let total = order.reduce(0) { $0 + utterances[$1].labels.count }
    return BatchSequence(
      count: total / size,
      next: { [width] in
        guard fill() else { return nil }
        defer { used += size }
        return (
          Array(pool[used * width..<(used + size) * width]),
          Array(labels[used..<used + size])
        )
      },
      skip: { if fill() { used += size } })
  }

  /// The features of an utterance; nil if they cannot be used.
  private func usable(_ u: Int) -> KaldiMatrix? {
    guard !isBad.contains(u) else { return nil }
    do {
      return try matrix(u)
    } catch {
      isBad.insert(u)
      warn(
        (error as? ArcuateError ?? ArcuateError(.malformed, "\(error)")).within("left out"))
      return nil
    }
  }

  private func matrix(_ u: Int) throws -> KaldiMatrix {
    let utterance = utterances[u]
    return try within("key \"\(utterance.key)\"") {
      guard
        case .matrix(let matrix) = try KaldiValue.read(
          named: utterance.location, expecting: .matrix)
      else { throw ArcuateError(.malformed, "must be a matrix") }
      guard matrix.rows == utterance.labels.count else {
        throw ArcuateError(
          .shapeMismatch, "has \(matrix.rows) frames but \(utterance.labels.count) labels")
      }
      try splicing.check(columns: matrix.columns, needed: width)
      if let index = matrix.values.firstIndex(where: { !$0.isFinite }) {
        throw ArcuateError(
          .malformed,
          "frame \(index / matrix.columns), column \(index % matrix.columns) is not finite")
      }
      return matrix
    }
  }

  func read(_ indices: [Int]) throws -> (inputs: [Float], labels: [Int]) {
    var inputs: [Float] = []
    var labels: [Int] = []
    for index in indices {
      // The last utterance that begins no later than the frame.
      var (low, high) = (0, utterances.count)
      while high - low > 1 {
        let middle = (low + high) / 2
        if utterances[middle].first <= index { low = middle } else { high = middle }
      }
      if cached?.utterance != low {
        guard let matrix = usable(low) else { continue }
        cached = (low, matrix)
      }
      let frame = index - utterances[low].first
      inputs += repeatElement(0, count: width)
      splicing.write(cached!.matrix, frame, into: &inputs, at: inputs.count - width)
      labels.append(Int(widening: utterances[low].labels[frame]))
    }
    return (inputs, labels)
  }
}

extension Substring {
  fileprivate var trimmed: String {
    var text = self
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
