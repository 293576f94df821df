import ArcuateCore
import ArcuateKernels
import ArcuateRuntime

/// What a node emits in all steps of all samples, and its gradient.
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
  /// Whether it is mostly zeros: consumers may go through lists.
  let isSparse: Bool
  /// Whether anything that learns lies before it.
  var needsGradient = false
  private(set) var values: View<Float>
  private var gradientStorage: View<Float>?
  private var isWritten: [Bool]
  private var lists: Lists?

  var width: Int { shape.count }
  var rows: Int { steps * batch }

  /// With `values`, the signal is a part of what somebody else keeps.
  init(
    _ name: String, _ shape: Shape, batch: Int, steps: Int, isSparse: Bool,
    values: View<Float>? = nil
  ) throws {
    self.name = name
    self.shape = shape
    self.batch = batch
    self.steps = steps
    self.isSparse = isSparse
    stride = Parameter.distance(shape.count)
    self.values = try values ?? Signal.room(steps * batch, stride)
    isWritten = [Bool](repeating: false, count: steps)
  }

  static func room(_ rows: Int, _ stride: Int) throws -> View<Float> {
    try AlignedBuffer(byteCount: max(1, rows) * stride * 4)
      .view(start: 0, count: max(1, rows) * stride)
  }

  /// The step whose rows hold step `t`.
  func place(_ t: Int) -> Int { steps == 1 ? 0 : t }

  func row(_ r: Int) -> Row<Float> { values.row.part(r * stride, stride) }
  func row(_ t: Int, _ b: Int) -> Row<Float> { row(place(t) * batch + b) }

  // MARK: Gradient

  /// A sum that this signal goes into and nothing else: their gradients are one.
  var sum: Signal?

  /// The rows of gradients. The first time it is asked for it is made.
  var gradient: View<Float> {
    get throws {
      if let sum { return try sum.gradient }
      if let gradientStorage { return gradientStorage }
      let made = try Signal.room(rows, stride)
      gradientStorage = made
      return made
    }
  }

  /// Lets the gradient lie where the values do, which nobody needs once it is written.
  func sharesGradient() { gradientStorage = values }

  func forgetGradient() {
    for t in isWritten.indices { isWritten[t] = false }
    lists?.forget()
  }

  /// Whether the gradient at step `t` holds something already, so that more is added; it does from
  /// now on.
  func adds(_ t: Int) -> Bool {
    if let sum { return sum.adds(t) }
    let place = place(t)
    defer { isWritten[place] = true }
    return isWritten[place]
  }

  /// The same for several steps of which all or none were written; others are made zero first.
  func adds(_ range: Range<Int>) throws -> Bool {
    if let sum { return try sum.adds(range) }
    let some = range.contains { isWritten[place($0)] }
    if some { try settle(range) }
    for t in range { isWritten[place(t)] = true }
    return some
  }

  /// Makes the gradient zero where nothing was written.
  func settle(_ range: Range<Int>) throws {
    if let sum { return try sum.settle(range) }
    for t in range where !isWritten[place(t)] {
      try gradient.row.part(place(t) * batch * stride, batch * stride).fill(0)
      isWritten[place(t)] = true
    }
  }

  func gradientRow(_ r: Int) throws -> Row<Float> {
    try gradient.row.part(r * stride, stride)
  }

  // MARK: Lists

  /// The lists of what is not zero in the rows of some steps, made when first asked for.
  func listed(_ steps: Range<Int>, _ pool: ThreadPool) throws -> Lists {
    if lists == nil {
      lists = try Lists(
        values.row, steps: self.steps, batch: batch, stride: stride, columns: width)
    }
    lists!.list(steps, pool)
    return lists!
  }
}
