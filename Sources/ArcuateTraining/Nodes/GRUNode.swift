import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// A gated recurrent unit, forward over time and back through it.
///
/// The gates of all steps are recorded in rows [r, z, n]; the backward pass replaces them by the
/// gradients of what enters the gates, of which `accumulate` makes the gradients of the weights.
final class GRUNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  var parameters: [Parameter] {
    [inputWeight, hiddenWeight] + [inputBias, hiddenBias].compactMap { $0 }
  }

  private let inputWeight, hiddenWeight: Parameter
  private let inputBias, hiddenBias: Parameter?
  /// [steps][batch], rows of three gates: those of the input and those of the output of the step before.
  private let inputGates, hiddenGates: View<Float>
  /// The gradient of the output of the step before, and zeros, which are the output before the first.
  private let carry, zeros: View<Float>
  private let detachesTime: Bool

  static func make(from gru: GRU, at site: NodeSite) throws(ArcuateError) -> GRUNode {
    let input = try site.input()
    let gates = 3 * gru.units
    let weights = (
      try site.parameter("weight_ih", gru.inputWeight, isMatrix: true),
      try site.parameter("weight_hh", gru.hiddenWeight, isMatrix: true)
    )
    func bias(_ field: String, _ tensor: Tensor?) throws(ArcuateError) -> Parameter? {
      guard let tensor else { return nil }
      return try site.parameter(field, tensor.reshaped(Shape([gates])))
    }
    let biases = (try bias("bias_ih", gru.inputBias), try bias("bias_hh", gru.hiddenBias))
    return try GRUNode(site, NodePorts(site.name, [input], site.output()), weights, biases)
  }

  private init(
    _ site: NodeSite, _ ports: NodePorts, _ weights: (Parameter, Parameter),
    _ biases: (Parameter?, Parameter?)
  ) throws(ArcuateError) {
    self.ports = ports
    (inputWeight, hiddenWeight) = weights
    (inputBias, hiddenBias) = biases
    let stride = inputWeight.stride
    inputGates = try Signal.storage(ports.output.rows, stride)
    hiddenGates = try Signal.storage(ports.output.rows, stride)
    carry = try Signal.storage(ports.output.batch, ports.output.stride)
    zeros = try Signal.storage(ports.output.batch, max(stride, ports.output.stride))
    detachesTime = site.options.detachesTime
  }

  private var units: Int { output.width }
  private var batch: Int { output.batch }

  private func gates(_ view: View<Float>, _ r: Int) -> Row<Float> {
    view.row.part(r * inputWeight.stride, 3 * units)
  }

  /// Rows of gates as a matrix.
  private func gates(_ view: View<Float>, _ rows: Range<Int>) -> Matrix {
    Matrix(
      view.row, rows: output.rows, columns: 3 * units, rowStride: inputWeight.stride
    ).rows(rows)
  }

  private func matrix(_ values: View<Float>, _ weight: Parameter) -> Matrix {
    Matrix(values.row, rows: weight.rows, columns: weight.width, rowStride: weight.stride)
  }

  /// Rows of a signal as a matrix.
  private func matrix(_ values: View<Float>, _ signal: Signal, _ rows: Range<Int>) -> Matrix {
    Matrix(values.row, rows: signal.rows, columns: signal.width, rowStride: signal.stride)
      .rows(rows)
  }

  private func shifted(_ rows: Range<Int>, by count: Int) -> Range<Int> {
    rows.lowerBound + count..<rows.upperBound + count
  }

  /// The outputs of the step before `t`, of some samples.
  private func before(_ t: Int, _ samples: Range<Int>) -> Matrix {
    t > 0
      ? matrix(output.values, output, shifted(samples, by: (t - 1) * batch))
      : Matrix(zeros.row, rows: batch, columns: units, rowStride: output.stride).rows(samples)
  }

  func begin(_ pass: Pass) { carry.row.fill(0) }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    for t in steps {
      try pass.pool.split(0..<batch, grain: 6) { samples, worker in
        let rows = shifted(samples, by: t * batch)
        for r in rows {
          gates(inputGates, r).copy(from: (inputBias?.values ?? zeros).row.part(0, 3 * units))
          gates(hiddenGates, r).copy(from: (hiddenBias?.values ?? zeros).row.part(0, 3 * units))
        }
        pass.products[worker].multiply(
          matrix(input.values, input, shifted(samples, by: input.index(t) * batch)),
          matrix(inputWeight.values, inputWeight), into: gates(inputGates, rows), adds: true)
        pass.products[worker].multiply(
          before(t, samples), matrix(hiddenWeight.values, hiddenWeight),
          into: gates(hiddenGates, rows), adds: true)
        for b in samples { step(t, b) }
      }
    }
  }

  /// Computes the gates of one step from their sums, and the output; the gates replace the input's
  /// sums.
  private func step(_ t: Int, _ b: Int) {
    let r = t * batch + b
    let (x, h, y) = (gates(inputGates, r), gates(hiddenGates, r), output.row(r))
    LearningLoops.add(h.part(0, 2 * units), to: x.part(0, 2 * units))
    Elementwise.sigmoid(x.part(0, 2 * units), into: x.part(0, 2 * units), count: 2 * units)
    let n = x.part(2 * units, units)
    LearningLoops.multiply(
      h.part(2 * units, units), by: x.part(0, units), into: n, adds: true)
    Elementwise.tanh(n, into: n, count: units)
    let old = t > 0 ? output.row(r - batch) : zeros.row.part(0, output.stride)
    for i in 0..<units { y[i] = n[i] + x[units + i] * (old[i] - n[i]) }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    for t in steps.reversed() {
      try output.settle(t..<t + 1)
      let gradient = try output.gradient.row
      let sends = input.needsGradient
      let adds = sends && input.adds(t)
      let into = sends ? try input.gradient : zeros
      try pass.pool.split(0..<batch, grain: 6) { samples, worker in
        let rows = shifted(samples, by: t * batch)
        for b in samples {
          sweep(t, b, gradient.part((t * batch + b) * output.stride, units))
        }
        // What went through the update gate alone is in `carry`; this adds what the gates saw.
        pass.products[worker].multiply(
          gates(hiddenGates, rows), matrix(hiddenWeight.values, hiddenWeight).transposed,
          into: Matrix(carry.row, rows: batch, columns: units, rowStride: output.stride)
            .rows(samples), adds: true)
        guard sends else { return }
        pass.products[worker].multiply(
          gates(inputGates, rows), matrix(inputWeight.values, inputWeight).transposed,
          into: matrix(into, input, shifted(samples, by: input.index(t) * batch)), adds: adds)
      }
    }
  }

  /// Replaces the gates of a step by the gradients of their sums.
  private func sweep(_ t: Int, _ b: Int, _ gradient: Row<Float>) {
    let r = t * batch + b
    let (x, h) = (gates(inputGates, r), gates(hiddenGates, r))
    let late = carry.row.part(b * output.stride, units)
    let old = t > 0 ? output.row(r - batch) : zeros.row.part(0, output.stride)
    for i in 0..<units {
      let (reset, update, new) = (x[i], x[units + i], x[2 * units + i])
      let g = gradient[i] + (detachesTime ? 0 : late[i])
      let onNew = g * (1 - update) * (1 - new * new)
      let onUpdate = g * (old[i] - new) * update * (1 - update)
      let onReset = onNew * h[2 * units + i] * reset * (1 - reset)
      (x[i], x[units + i], x[2 * units + i]) = (onReset, onUpdate, onNew)
      (h[i], h[units + i], h[2 * units + i]) = (onReset, onUpdate, onNew * reset)
      late[i] = g * update
    }
  }

  func accumulate(_ pass: Pass) throws(ArcuateError) {
    for (bias, view) in [(inputBias, inputGates), (hiddenBias, hiddenGates)] {
      guard let bias, bias.isTrained else { continue }
      LearningLoops.addColumns(
        view.row, rows: output.rows, stride: inputWeight.stride, columns: 0..<3 * units,
        to: bias.gradient.row)
    }
    for t in 0..<output.steps {
      let rows = t * batch..<(t + 1) * batch
      if inputWeight.isTrained {
        let x = matrix(input.values, input, shifted(0..<batch, by: input.index(t) * batch))
        try addProduct(x, gates(inputGates, rows), to: inputWeight, pass)
      }
      if hiddenWeight.isTrained, t > 0 {
        try addProduct(before(t, 0..<batch), gates(hiddenGates, rows), to: hiddenWeight, pass)
      }
    }
  }

  /// Adds x^T g to the gradient of a weight.
  private func addProduct(_ x: Matrix, _ g: Matrix, to weight: Parameter, _ pass: Pass)
    throws(ArcuateError)
  {
    try pass.pool.split(0..<weight.rows, grain: 6) { part, worker in
      pass.products[worker].multiply(
        x.transposed.rows(part), g, into: matrix(weight.gradient, weight).rows(part), adds: true)
    }
  }

  func operations(_ samples: Int, _ pass: Pass) -> Int {
    samples * 3 * units * (input.steps * input.width + output.steps * units)
  }

  func trained() -> Operator? {
    .gru(
      GRU(
        inputWeight: inputWeight.tensor(), hiddenWeight: hiddenWeight.tensor(),
        inputBias: inputBias?.tensor(), hiddenBias: hiddenBias?.tensor()))
  }
}
