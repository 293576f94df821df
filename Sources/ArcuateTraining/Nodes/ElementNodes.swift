import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// An elementwise function, or softmax.
final class ActivationNode: GradientNode {
  private let kind: Activation
  /// The spikes of the neurons whose count stands in for this ReLU's value, if there are any.
  var counted: Signal?

  init(_ name: String, _ input: Signal, _ output: Signal, kind: Activation) {
    self.kind = kind
    super.init(name, [input], output)
  }

  override func forward(_ steps: Range<Int>, _ pass: Pass) {
    let width = output.width
    if let counted {
      for t in 0..<counted.steps {
        for b in 0..<output.batch {
          LearningLoops.put(counted.row(t, b), into: output.row(0, b), adds: t > 0)
        }
      }
      return
    }
    pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let (x, y) = (input.row(beside(r, input)), output.row(r))
        switch kind {
        case .relu: Elementwise.relu(x, into: y, count: width)
        case .sigmoid: Elementwise.sigmoid(x, into: y, count: width)
        case .tanh: Elementwise.tanh(x, into: y, count: width)
        case .softmax: Elementwise.softmax(x, logarithm: false, into: y, count: width)
        case .logSoftmax: Elementwise.softmax(x, logarithm: true, into: y, count: width)
        }
      }
    }
  }

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    try output.settle(steps)
    guard input.needsGradient else { return }
    let adds = try input.adds(steps)
    let (from, to) = (try output.gradient.row, try input.gradient.row)
    let width = output.width
    pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let g = from.part(r * output.stride, width)
        // Whether a ReLU was open is said by what came in, which a count need not agree with.
        let y = (counted == nil ? output.row(r) : input.row(beside(r, input))).part(0, width)
        let d = to.part(beside(r, input) * input.stride, width)
        switch kind {
        case .relu: LearningLoops.reluGradient(g, output: y, into: d, adds: adds)
        case .sigmoid: LearningLoops.sigmoidGradient(g, output: y, into: d, adds: adds)
        case .tanh: LearningLoops.tanhGradient(g, output: y, into: d, adds: adds)
        case .softmax:
          LearningLoops.softmaxGradient(g, output: y, logarithm: false, into: d, adds: adds)
        case .logSoftmax:
          LearningLoops.softmaxGradient(g, output: y, logarithm: true, into: d, adds: adds)
        }
      }
    }
  }

  override func learned() -> Operator? { .activation(kind) }
}

/// y = s x.
final class ScaleNode: GradientNode {
  private let scale: Parameter
  override var parameters: [Parameter] { [scale] }

  init(_ name: String, _ input: Signal, _ output: Signal, scale: Parameter) {
    self.scale = scale
    super.init(name, [input], output)
  }

  private func factor(_ i: Int) -> Float { scale.values[scale.count == 1 ? 0 : i] }

  override func forward(_ steps: Range<Int>, _ pass: Pass) {
    pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let (x, y) = (input.row(beside(r, input)), output.row(r))
        for i in 0..<output.width { y[i] = factor(i) * x[i] }
      }
    }
  }

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    try output.settle(steps)
    guard input.needsGradient else { return }
    let adds = try input.adds(steps)
    let (from, to) = (try output.gradient.row, try input.gradient.row)
    pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let g = from.part(r * output.stride, output.stride)
        let d = to.part(beside(r, input) * input.stride, input.stride)
        for i in 0..<output.width { d[i] = (adds ? d[i] : 0) + factor(i) * g[i] }
      }
    }
  }

  override func accumulate(_ pass: Pass) throws {
    guard scale.isTrained else { return }
    for r in 0..<output.rows {
      let (x, g) = (input.row(beside(r, input)), try output.gradientRow(r))
      for i in 0..<output.width { scale.gradient[scale.count == 1 ? 0 : i] += g[i] * x[i] }
    }
  }

  override func learned() -> Operator? { .scale(scale.tensor()) }
}

/// 1 where x > threshold, with a surrogate derivative.
final class ThresholdNode: GradientNode {
  private let threshold: Parameter
  private let surrogate: Surrogate
  private let isSmooth: Bool
  override var parameters: [Parameter] { [threshold] }

  init(
    _ name: String, _ input: Signal, _ output: Signal, threshold: Parameter, surrogate: Surrogate,
    isSmooth: Bool
  ) {
    self.threshold = threshold
    self.surrogate = surrogate
    self.isSmooth = isSmooth
    super.init(name, [input], output)
  }

  private func excess(_ r: Int, _ i: Int) -> Float {
    input.row(beside(r, input))[i] - threshold.values[threshold.count == 1 ? 0 : i]
  }

  override func forward(_ steps: Range<Int>, _ pass: Pass) {
    for r in rows(steps) {
      let y = output.row(r)
      for i in 0..<output.width {
        let x = excess(r, i)
        y[i] = isSmooth ? surrogate.antiderivative(x) ?? 0 : x > 0 ? 1 : 0
      }
    }
  }

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    try output.settle(steps)
    guard input.needsGradient else { return }
    let adds = try input.adds(steps)
    for r in rows(steps) {
      let (g, d) = (try output.gradientRow(r), try input.gradientRow(beside(r, input)))
      for i in 0..<output.width {
        d[i] = (adds ? d[i] : 0) + g[i] * surrogate.derivative(excess(r, i))
      }
    }
  }

  override func accumulate(_ pass: Pass) throws {
    guard threshold.isTrained else { return }
    for r in 0..<output.rows {
      let g = try output.gradientRow(r)
      for i in 0..<output.width {
        threshold.gradient[threshold.count == 1 ? 0 : i] -=
          g[i] * surrogate.derivative(excess(r, i))
      }
    }
  }

  override func learned() -> Operator? { .threshold(threshold.tensor()) }
}

/// What it gets, under another shape.
final class PassNode: GradientNode {
  private let op: Operator?

  init(_ name: String, _ input: Signal, _ output: Signal, _ op: Operator?) {
    self.op = op
    super.init(name, [input], output)
  }

  override func forward(_ steps: Range<Int>, _ pass: Pass) {
    for r in rows(steps) {
      output.row(r).part(0, output.width).copy(
        from: input.row(beside(r, input)).part(0, output.width))
    }
  }

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    try output.settle(steps)
    guard input.needsGradient else { return }
    try sendBack(steps, to: input) { from, into, adds, _, _ in
      LearningLoops.put(from.part(0, output.width), into: into.part(0, output.width), adds: adds)
    }
  }

  override func learned() -> Operator? { op }
}

/// Drops elements while training, and scales up what stays; one mask for a sample's steps.
final class DropoutNode: GradientNode {
  private let share: Float
  private let stream: UInt32
  private let mask: View<Float>
  private var isActive = false

  init(_ name: String, _ input: Signal, _ output: Signal, share: Float, stream: UInt32) throws {
    self.share = share
    self.stream = stream
    mask = try Signal.room(output.batch, output.stride)
    super.init(name, [input], output)
  }

  override func begin(_ pass: Pass) {
    isActive = pass.isTraining
    guard isActive else { return }
    let kept = 1 / (1 - share)
    pass.pool.split(0..<output.batch) { part, _ in
      for b in part {
        Elementwise.drop(
          share, kept: kept, random: pass.random, stream: stream, step: pass.iteration,
          first: UInt32(truncatingIfNeeded: b * output.width), into: mask(b))
      }
    }
  }

  private func mask(_ r: Int) -> Row<Float> {
    mask.row.part(r % output.batch * output.stride, output.width)
  }

  override func forward(_ steps: Range<Int>, _ pass: Pass) {
    pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let (x, y) = (input.row(beside(r, input)), output.row(r).part(0, output.width))
        if isActive {
          LearningLoops.multiply(x, by: mask(r), into: y, adds: false)
        } else {
          y.copy(from: x.part(0, output.width))
        }
      }
    }
  }

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    try output.settle(steps)
    guard input.needsGradient else { return }
    try sendBack(steps, to: input) { from, into, adds, _, b in
      let (g, d) = (from.part(0, output.width), into.part(0, output.width))
      if isActive {
        LearningLoops.multiply(g, by: mask(b), into: d, adds: adds)
      } else {
        LearningLoops.put(g, into: d, adds: adds)
      }
    }
  }
}
