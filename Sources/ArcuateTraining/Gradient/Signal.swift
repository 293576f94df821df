import ArcuateCore
import ArcuateKernels
import ArcuateRuntime

/// The output of a node in all steps of all samples, and its gradient.
///
/// Row step * batch + sample holds one sample at one step. A signal that is the same at every step
/// has the rows of one step.
final class Signal {
  let name: String
  let shape: Shape
  let batch: Int
  /// Steps it has rows for: 1 or all.
  let steps: Int
  let stride: Int
  /// Whether it is mostly zeros: readers may go through lists.
  let isSparse: Bool
  /// Whether a trained parameter lies before it.
  var needsGradient = false
  /// Whether it holds the numbers of an input as they are, which are no spikes.
  var isGiven = false
  private(set) var values: View<Float>
  private var gradientStorage: View<Float>?
  private var isWritten: [Bool]
  private var lists: Lists?

  var width: Int { shape.count }
  var rows: Int { steps * batch }

  /// With `values`, the signal is a view of memory that another object owns.
  init(
    _ name: String, _ shape: Shape, batch: Int, steps: Int, isSparse: Bool,
    values: View<Float>? = nil
  ) throws(ArcuateError) {
    self.name = name
    self.shape = shape
    self.batch = batch
    self.steps = steps
    self.isSparse = isSparse
    stride = Parameter.distance(shape.count)
    if let values {
      self.values = values
    } else {
      self.values = try Signal.storage(steps * batch, stride)
    }
    isWritten = [Bool](repeating: false, count: steps)
  }

  static func storage(_ rows: Int, _ stride: Int) throws(ArcuateError) -> View<Float> {
    try AlignedBuffer(byteCount: max(1, rows) * stride * 4)
      .view(start: 0, count: max(1, rows) * stride)
  }

  /// `count` times storage of the same size.
  static func storages(
    _ count: Int, _ rows: Int, _ stride: Int
  ) throws(ArcuateError) -> [View<Float>] {
    try (0..<count).map { _ throws(ArcuateError) in try storage(rows, stride) }
  }

  /// The step whose rows hold step `t`.
  func index(_ t: Int) -> Int { steps == 1 ? 0 : t }

  func row(_ r: Int) -> Row<Float> { values.row.part(r * stride, stride) }
  func row(_ t: Int, _ b: Int) -> Row<Float> { row(index(t) * batch + b) }

  // MARK: Gradient

  /// The sum that is the only reader of this signal: both share one gradient.
  var sum: Signal?

  /// The rows of gradients, allocated at the first use.
  var gradient: View<Float> {
    get throws(ArcuateError) {
      if let sum { return try sum.gradient }
      if let gradientStorage { return gradientStorage }
      let made = try Signal.storage(rows, stride)
      gradientStorage = made
      return made
    }
  }

  /// Lets the gradient overwrite the values, which are not read after it is written.
  func sharesGradient() { gradientStorage = values }

  func forgetGradient() {
    for t in isWritten.indices { isWritten[t] = false }
    lists?.forget()
  }

  /// Whether the gradient at step `t` was written, so that more is added to it; marks it as written.
  func adds(_ t: Int) -> Bool {
    if let sum { return sum.adds(t) }
    let index = index(t)
    defer { isWritten[index] = true }
    return isWritten[index]
  }

  /// The same for several steps: if some were written, the others are zeroed first.
  func adds(_ range: Range<Int>) throws(ArcuateError) -> Bool {
    if let sum { return try sum.adds(range) }
    let some = range.contains { isWritten[index($0)] }
    if some { try settle(range) }
    for t in range { isWritten[index(t)] = true }
    return some
  }

  /// Zeros the gradient where nothing was written.
  func settle(_ range: Range<Int>) throws(ArcuateError) {
    if let sum { return try sum.settle(range) }
    for t in range where !isWritten[index(t)] {
      try gradient.row.part(index(t) * batch * stride, batch * stride).fill(0)
      isWritten[index(t)] = true
    }
  }

  func gradientRow(_ r: Int) throws(ArcuateError) -> Row<Float> {
    try gradient.row.part(r * stride, stride)
  }

  // MARK: Lists

  /// The lists of nonzeros in the rows of some steps, made at the first use.
  func listed(_ steps: Range<Int>, _ pool: ThreadPool) throws(ArcuateError) -> Lists {
    if lists == nil {
      lists = try Lists(
        values.row, steps: self.steps, batch: batch, stride: stride, columns: width)
    }
    try lists!.list(steps, pool)
    return lists!
  }
}
