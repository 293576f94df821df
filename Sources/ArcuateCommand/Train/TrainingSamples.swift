import Arcuate
import ArcuateConsole
import ArcuateData

/// Where samples and their labels come from.
protocol TrainingSamples {
  /// Samples in all.
  var count: Int { get }
  /// The batches of an epoch, in an order of its own: places of samples that are not all apart from
  /// each other, so that they can be read on the way.
  func batches(of size: Int, epoch: Int, seed: UInt64, among places: [Int]) throws -> BatchSequence
  /// The places that learn, and those that are kept for validation, a share of all.
  func split(_ share: Double, seed: UInt64) -> (learning: [Int], validation: [Int])
  /// The numbers and labels of some samples, by their places.
  func read(_ places: [Int]) throws -> (inputs: [Float], labels: [Int])
}

/// Batches that are made when they are asked for.
struct BatchSequence {
  /// Whole batches.
  let count: Int
  /// The batch after those that were given. Asking beyond `count` is an error.
  let next: () throws -> (inputs: [Float], labels: [Int])
  /// Passes over a batch.
  let skip: () throws -> Void
}

extension TrainingSamples {
  /// Samples each on its own, as `arcuate.fit` parts them.
  func split(_ share: Double, seed: UInt64) -> (learning: [Int], validation: [Int]) {
    let kept = Set(
      Trainer.order(count: count, epoch: Int(UInt32.max), seed: seed)
        .prefix(Int(share * Double(count))))
    return ((0..<count).filter { !kept.contains($0) }, kept.sorted())
  }
}

/// Samples that are in memory.
struct ArraySamples: TrainingSamples {
  let labels: [Int]
  private let width: Int
  private let values: [Float]

  var count: Int { labels.count }

  /// Throws. What reading throws; `shapeMismatch` for another number of labels, or samples that are
  /// not `width` numbers; `invalidArgument` for a number that is not finite, and a label that is none
  /// of the classes.
  init(_ inputs: String, _ labels: String, width: Int, classes: Int) throws {
    let (extents, values) = try Self.numbers(inputs, scalesBytes: true)
    let samples = extents.first ?? 0
    (self.values, self.width) = (values, width)
    guard values.count == samples * width else {
      throw ArcuateError(
        .shapeMismatch, "holds samples of \(values.count / max(samples, 1)) numbers, not \(width)",
        at: inputs)
    }
    if let bad = values.firstIndex(where: { !$0.isFinite }) {
      throw ArcuateError(
        .invalidArgument, "sample \(bad / width), element \(bad % width) is not finite", at: inputs)
    }
    let given = try Self.numbers(labels, scalesBytes: false).values
    self.labels = try given.enumerated().map { i, value in
      guard let label = Int(exactly: value) else {
        throw ArcuateError(.malformed, "label \(i) is \(value), not a whole number", at: labels)
      }
      guard (0..<classes).contains(label) else {
        throw ArcuateError(
          .invalidArgument, "label \(i) is \(label), not within 0 ... \(classes - 1)", at: labels)
      }
      return label
    }
    guard self.labels.count == samples else {
      throw ArcuateError(
        .shapeMismatch, "holds \(self.labels.count) labels for \(samples) samples", at: labels)
    }
  }

  /// An array of a .npy file, of `file.npz:name`, or of an IDX file, whose bytes become 0 ... 1.
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
    of size: Int, epoch: Int, seed: UInt64, among places: [Int]
  ) throws -> BatchSequence {
    let order = Trainer.order(count: places.count, epoch: epoch, seed: seed).map { places[$0] }
    var at = 0
    return BatchSequence(
      count: order.count / size,
      next: {
        defer { at += size }
        return try read(Array(order[at..<at + size]))
      }, skip: { at += size })
  }

  func read(_ places: [Int]) throws -> (inputs: [Float], labels: [Int]) {
    var inputs: [Float] = []
    inputs.reserveCapacity(places.count * width)
    for place in places { inputs += values[place * width..<(place + 1) * width] }
    return (inputs, places.map { labels[$0] })
  }
}

/// PNG images below a folder or in a zip archive; the folder an image lies in is its class.
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
    let places = Dictionary(uniqueKeysWithValues: zip(classes, 0...))
    labels = folders.map { places[$0]! }
  }

  func batches(
    of size: Int, epoch: Int, seed: UInt64, among places: [Int]
  ) throws -> BatchSequence {
    let order = Trainer.order(count: places.count, epoch: epoch, seed: seed).map { places[$0] }
    var at = 0
    return BatchSequence(
      count: order.count / size,
      next: {
        defer { at += size }
        return try read(Array(order[at..<at + size]))
      }, skip: { at += size })
  }

  func read(_ places: [Int]) throws -> (inputs: [Float], labels: [Int]) {
    var inputs: [Float] = []
    for place in places {
      let image = try files.image(place)
      // Channels first.
      for c in 0..<image.channels {
        for i in stride(from: c, to: image.pixels.count, by: image.channels) {
          inputs.append(Float(image.pixels[i]) / 255)
        }
      }
    }
    return (inputs, places.map { labels[$0] })
  }
}
