import Arcuate
import ArcuateConsole
import ArcuateData

/// Frames of Kaldi utterances with their alignments: a script of features, read while learning, and a
/// table of integers, which is kept.
///
/// An epoch takes the utterances in an order of its own, a group at a time; the frames of a group are
/// mixed and those that do not fill a batch go on to the next. Memory is that of a group.
final class KaldiSamples: TrainingSamples {
  private struct Utterance {
    let key: String
    let place: String
    let labels: [Int32]
    /// The number of its first frame among all.
    let first: Int
  }
  private let utterances: [Utterance]
  private let splicing: Splicing
  private let width: Int
  private let group: Int
  let count: Int
  private var cached: (utterance: Int, matrix: KaldiMatrix)?

  /// Throws. What reading throws; `notFound` if no utterance has features and an alignment.
  init(
    scp: String, alignments: String, splicing: Splicing, width: Int, group: Int,
    warn: (ArcuateError) -> Void
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
        throw ArcuateError(.malformed, "has no key and file", at: "\(scp): line \(number + 1)")
      }
      let (key, place) = (String(parts[0]), parts[1].trimmed)
      guard let own = labels[key], !own.isEmpty else {
        warn(ArcuateError(.notFound, "has no alignment", at: "\(scp): key \"\(key)\""))
        continue
      }
      found.append(Utterance(key: key, place: place, labels: own, first: first))
      first += own.count
    }
    guard !found.isEmpty else {
      throw ArcuateError(.notFound, "no utterance has features and an alignment", at: scp)
    }
    utterances = found
    count = first
    (self.splicing, self.width, self.group) = (splicing, width, group)
  }

  /// Whole utterances are kept for validation, so that frames beside each other are not parted.
  func split(_ share: Double, seed: UInt64) -> (learning: [Int], validation: [Int]) {
    let kept = Set(
      Trainer.order(count: utterances.count, epoch: Int(UInt32.max), seed: seed)
        .prefix(Int(share * Double(utterances.count))))
    var (learning, validation): ([Int], [Int]) = ([], [])
    for (u, utterance) in utterances.enumerated() {
      let frames = utterance.first..<utterance.first + utterance.labels.count
      if kept.contains(u) { validation += frames } else { learning += frames }
    }
    return (learning, validation)
  }

  func batches(
    of size: Int, epoch: Int, seed: UInt64, among places: [Int]
  ) throws -> BatchSequence {
    let allowed = Set(places)
    let order = Trainer.order(count: utterances.count, epoch: epoch, seed: seed)
      .filter { allowed.contains(utterances[$0].first) }
    var at = 0
    var groups = 0
    // Frames of the group that are not given yet, spliced.
    var pool: [Float] = []
    var labels: [Int] = []
    var given = 0
    func fill() throws {
      while labels.count - given < size {
        let rest = (pool: Array(pool[(given * width)...]), labels: Array(labels[given...]))
        var frames: [(utterance: Int, frame: Int)] = []
        var matrices: [Int: KaldiMatrix] = [:]
        for u in order[at..<min(at + group, order.count)] {
          let utterance = utterances[u]
          matrices[u] = try matrix(u)
          frames += utterance.labels.indices.map { (u, $0) }
        }
        at += group
        groups += 1
        let mixed = Trainer.order(
          count: frames.count, epoch: epoch << 24 | groups, seed: seed ^ 0x66_7261_6D65)
        (pool, labels, given) = (rest.pool, rest.labels, 0)
        pool.reserveCapacity((labels.count + mixed.count) * width)
        for place in mixed {
          let (u, frame) = frames[place]
          let start = pool.count
          pool += repeatElement(0, count: width)
          splicing.write(matrices[u]!, frame, into: &pool, at: start)
          labels.append(Int(utterances[u].labels[frame]))
        }
      }
    }
    let total = order.reduce(0) { $0 + utterances[$1].labels.count }
    return BatchSequence(
      count: total / size,
      next: { [width] in
        try fill()
        defer { given += size }
        return (
          Array(pool[given * width..<(given + size) * width]),
          Array(labels[given..<given + size])
        )
      },
      skip: {
        try fill()
        given += size
      })
  }

  private func matrix(_ u: Int) throws -> KaldiMatrix {
    let utterance = utterances[u]
    return try within("key \"\(utterance.key)\"") {
      guard
        case .matrix(let matrix) = try KaldiValue.read(
          named: utterance.place, expecting: .matrix)
      else { throw ArcuateError(.malformed, "is no matrix") }
      guard matrix.rows == utterance.labels.count else {
        throw ArcuateError(
          .shapeMismatch, "\(matrix.rows) frames with \(utterance.labels.count) labels")
      }
      try splicing.check(columns: matrix.columns, needed: width)
      return matrix
    }
  }

  func read(_ places: [Int]) throws -> (inputs: [Float], labels: [Int]) {
    var inputs = [Float](repeating: 0, count: places.count * width)
    var labels: [Int] = []
    for (i, place) in places.enumerated() {
      // The last utterance that begins no later.
      var (low, high) = (0, utterances.count)
      while high - low > 1 {
        let middle = (low + high) / 2
        if utterances[middle].first <= place { low = middle } else { high = middle }
      }
      if cached?.utterance != low { cached = (low, try matrix(low)) }
      let frame = place - utterances[low].first
      splicing.write(cached!.matrix, frame, into: &inputs, at: i * width)
      labels.append(Int(utterances[low].labels[frame]))
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
