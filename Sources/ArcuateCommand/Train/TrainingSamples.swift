import Arcuate
import ArcuateConsole
import ArcuateData

/// Labeled samples, read in batches.
protocol TrainingSamples {
  /// Number of samples.
  var count: Int { get }
  /// The batches of an epoch in its shuffled order, of the samples with the given indices.
  func batches(of size: Int, epoch: Int, seed: UInt64, among indices: [Int]) throws -> BatchSequence
  /// Indices of the samples to train on and of those to hold out, a fraction of all.
  func split(_ fraction: Double, seed: UInt64) -> (trained: [Int], validated: [Int])
  /// The values and labels of samples, by index; those that cannot be used are left out.
  func read(_ indices: [Int]) throws -> (inputs: [Float], labels: [Int])
}

/// Batches that are read on demand.
struct BatchSequence {
  /// Number of complete batches, at most.
  let count: Int
  /// The next batch; nil if samples that were left out were needed for it. Needs. At most `count`
  /// calls of this and `skip`.
  let next: () throws -> (inputs: [Float], labels: [Int])?
  /// Skips a batch.
  let skip: () throws -> Void
}

extension TrainingSamples {
  /// Splits sample by sample, as `arcuate.fit` does.
  func split(_ fraction: Double, seed: UInt64) -> (trained: [Int], validated: [Int]) {
    let heldOut = Set(
      Trainer.order(count: count, epoch: Int(widening: UInt32.max), seed: seed)
        .prefix(Int(bounding: fraction * Double(count), 0...count)))
    return ((0..<count).filter { !heldOut.contains($0) }, heldOut.sorted())
  }
}

/// Samples held in memory.
struct ArraySamples: TrainingSamples {
  let labels: [Int]
  private let width: Int
  private let values: [Float]

  var count: Int { labels.count }

  /// Throws. As reading does; `shapeMismatch` for a wrong number of labels or values per sample;
  /// `invalidArgument` for a value that is not finite or a label out of range.
  init(_ inputs: String, _ labels: String, width: Int, classes: Int) throws {
    let (extents, values) = try Self.numbers(inputs, scalesBytes: true)
    let samples = extents.first ?? 0
    (self.values, self.width) = (values, width)
    guard values.count == samples * width else {
      throw ArcuateError(
        .shapeMismatch, "samples must have \(width) values, got \(values.count / max(samples, 1))",
        at: inputs)
    }
    if let bad = values.firstIndex(where: { !$0.isFinite }) {
      throw ArcuateError(
        .invalidArgument, "sample \(bad / width), element \(bad % width) is not finite", at: inputs)
    }
    let given = try Self.numbers(labels, scalesBytes: false).values
    self.labels = try given.enumerated().map { i, value in
      guard let label = Int(exactly: value) else {
        throw ArcuateError(.malformed, "label \(i) must be an integer, got \(value)", at: labels)
      }
      guard (0..<classes).contains(label) else {
        throw ArcuateError(
          .invalidArgument, "label \(i) must be 0 ... \(classes - 1), got \(label)", at: labels)
      }
      return label
    }
    guard self.labels.count == samples else {
      throw ArcuateError(
        .shapeMismatch, "has \(self.labels.count) labels for \(samples) samples", at: labels)
    }
  }

  /// An array of a .npy file, of `file.npz:name` or of an IDX file, whose bytes are scaled to 0 ... 1.
  static func numbers(
    _ path: String, scalesBytes: Bool
  ) throws -> (extents: [Int], values: [Float]) {
    if path.hasSuffix(".npy") {
      let array = try NumpyArray.read(path)
      return (array.extents, array.values)
    }
    if let end = path.firstRange(of: ".npz") {
      let archive = try NumpyArchive(path: String(path[..<end.upperBound]))
      let name = String(path[end.upperBound...].dropFirst())
      let array = try within(path) {
        try archive.array(name.isEmpty ? archive.names.first ?? "" : name)
      }
      return (array.extents, array.values)
    }
    let file = try IDXFile.read(path)
    let values = try within(path) { try file.values(0..<file.count) }
    guard scalesBytes, file.element == .uint8 else { return (file.extents, values) }
    return (file.extents, values.map { $0 / 255 })
  }

  func batches(
    of size: Int, epoch: Int, seed: UInt64, among indices: [Int]
  ) throws -> BatchSequence {
    let order = Trainer.order(count: indices.count, epoch: epoch, seed: seed).map { indices[$0] }
    var next = 0
    return BatchSequence(
      count: order.count / size,
      next: {
        defer { next += size }
        return try read(Array(order[next..<next + size]))
      }, skip: { next += size })
  }

  func read(_ indices: [Int]) throws -> (inputs: [Float], labels: [Int]) {
    var inputs: [Float] = []
    inputs.reserveCapacity(indices.count * width)
    for index in indices { inputs += values[index * width..<(index + 1) * width] }
    return (inputs, indices.map { labels[$0] })
  }
}

/// PNG images below a folder or in a zip archive; each image's folder is its class.
struct ImageSamples: TrainingSamples {
  private let files: ImageFiles
  private let labels: [Int]
  /// The names of the classes, in the order of their labels.
  let classes: [String]

  var count: Int { labels.count }

  init(_ path: String) throws {
    let files = try ImageFiles(path)
    self.files = files
    let folders = files.names.indices.map { String(files.folder($0)) }
    classes = Set(folders).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let indices = Dictionary(uniqueKeysWithValues: zip(classes, 0...))
    labels = folders.map { indices[$0]! }
  }

  func batches(
    of size: Int, epoch: Int, seed: UInt64, among indices: [Int]
  ) throws -> BatchSequence {
    let order = Trainer.order(count: indices.count, epoch: epoch, seed: seed).map { indices[$0] }
    var next = 0
    return BatchSequence(
      count: order.count / size,
      next: {
        defer { next += size }
        return try read(Array(order[next..<next + size]))
      }, skip: { next += size })
  }

  func read(_ indices: [Int]) throws -> (inputs: [Float], labels: [Int]) {
    var inputs: [Float] = []
    for index in indices {
      let image = try files.image(index)
      // Channels first.
      for c in 0..<image.channels {
        for i in stride(from: c, to: image.pixels.count, by: image.channels) {
          inputs.append(Float(image.pixels[i]) / 255)
        }
      }
    }
    return (inputs, indices.map { labels[$0] })
  }
}
