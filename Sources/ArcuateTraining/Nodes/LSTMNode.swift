import ArcuateCore
import ArcuateKernels
import ArcuateModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Long short-term memory, forward over time and back through it.
///
/// The gates of all steps are recorded in rows [i, f, g, o], the memory beside; the backward pass replaces them by the
/// gradients of what enters the gates, of which `accumulate` makes the gradients of the weights.
final class LSTMNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  var parameters: [Parameter] {
    [inputWeight, hiddenWeight] + [inputBias, hiddenBias].compactMap { $0 }
  }

  private let inputWeight, hiddenWeight: Parameter
  private let inputBias, hiddenBias: Parameter?
  /// [steps][batch], rows of four gates.
  private let recorded: View<Float>
  /// [steps][batch]: the memory after each step.
  private let memory: View<Float>
  /// The gradients of the output and of the memory of the step before, and zeros, which are both before
  /// the first.
  private let carry, memoryCarry, zeros: View<Float>
  private let detachesTime: Bool

  static func make(from lstm: LSTM, at site: NodeSite) throws(ArcuateError) -> LSTMNode {
    let input = try site.input()
    let gates = 4 * lstm.units
    let weights = (
      try site.parameter("weight_ih", lstm.inputWeight, isMatrix: true),
      try site.parameter("weight_hh", lstm.hiddenWeight, isMatrix: true)
    )
    func bias(_ field: String, _ tensor: Tensor?) throws(ArcuateError) -> Parameter? {
      guard let tensor else { return nil }
      return try site.parameter(field, tensor.reshaped(Shape([gates])))
    }
    let biases = (try bias("bias_ih", lstm.inputBias), try bias("bias_hh", lstm.hiddenBias))
    return try LSTMNode(site, NodePorts(site.name, [input], site.output()), weights, biases)
  }

  private init(
    _ site: NodeSite, _ ports: NodePorts, _ weights: (Parameter, Parameter),
    _ biases: (Parameter?, Parameter?)
  ) throws(ArcuateError) {
    self.ports = ports
    (inputWeight, hiddenWeight) = weights
    (inputBias, hiddenBias) = biases
    let stride = inputWeight.stride
    recorded = try Signal.storage(ports.output.rows, stride)
    memory = try Signal.storage(ports.output.rows, ports.output.stride)
    carry = try Signal.storage(ports.output.batch, ports.output.stride)
    memoryCarry = try Signal.storage(ports.output.batch, ports.output.stride)
    zeros = try Signal.storage(ports.output.batch, max(stride, ports.output.stride))
    detachesTime = site.options.detachesTime
  }

  private var units: Int { output.width }
  private var batch: Int { output.batch }

  private func gates(_ r: Int) -> Row<Float> {
    recorded.row.part(r * inputWeight.stride, 4 * units)
  }

  /// Rows of gates as a matrix.
  private func gates(_ rows: Range<Int>) -> Matrix {
    Matrix(
      recorded.row, rows: output.rows, columns: 4 * units, rowStride: inputWeight.stride
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

  func begin(_ pass: Pass) {
    carry.row.fill(0)
    memoryCarry.row.fill(0)
  }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    for t in steps {
      try pass.pool.split(0..<batch, grain: 6) { samples, worker in
        let rows = shifted(samples, by: t * batch)
        for r in rows {
          gates(r).copy(from: (inputBias?.values ?? zeros).row.part(0, 4 * units))
          LearningLoops.add(
            (hiddenBias?.values ?? zeros).row.part(0, 4 * units), to: gates(r))
        }
        pass.products[worker].multiply(
          matrix(input.values, input, shifted(samples, by: input.index(t) * batch)),
          matrix(inputWeight.values, inputWeight), into: gates(rows), adds: true)
        pass.products[worker].multiply(
          before(t, samples), matrix(hiddenWeight.values, hiddenWeight),
          into: gates(rows), adds: true)
        for b in samples { step(t, b) }
      }
    }
  }

  /// The memory after the step before `t`, of sample `b`.
  private func oldMemory(_ t: Int, _ b: Int) -> Row<Float> {
    t > 0
      ? memory.row.part(((t - 1) * batch + b) * output.stride, units)
      : zeros.row.part(0, units)
  }

  /// Computes the gates of one step from their sums, which they replace, the memory and the output.
  private func step(_ t: Int, _ b: Int) {
    let r = t * batch + b
    let (x, y) = (gates(r), output.row(r).part(0, units))
    let (old, new) = (oldMemory(t, b), memory.row.part(r * output.stride, units))
    for (first, count) in [(0, 2), (3, 1)] {
      let part = x.part(first * units, count * units)
      Elementwise.sigmoid(part, into: part, count: count * units)
    }
    let candidate = x.part(2 * units, units)
    Elementwise.tanh(candidate, into: candidate, count: units)
    for i in 0..<units { new[i] = x[units + i] * old[i] + x[i] * candidate[i] }
    Elementwise.tanh(new, into: y, count: units)
    for i in 0..<units { y[i] *= x[3 * units + i] }
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
        // The output of the step before went through the gates alone.
        pass.products[worker].multiply(
          gates(rows), matrix(hiddenWeight.values, hiddenWeight).transposed,
          into: Matrix(carry.row, rows: batch, columns: units, rowStride: output.stride)
            .rows(samples), adds: false)
        guard sends else { return }
        pass.products[worker].multiply(
          gates(rows), matrix(inputWeight.values, inputWeight).transposed,
          into: matrix(into, input, shifted(samples, by: input.index(t) * batch)), adds: adds)
      }
    }
  }

  /// Replaces the gates of a step by the gradients of their sums.
  private func sweep(_ t: Int, _ b: Int, _ gradient: Row<Float>) {
    let r = t * batch + b
    let x = gates(r)
    let late = carry.row.part(b * output.stride, units)
    let kept = memoryCarry.row.part(b * output.stride, units)
    let old = oldMemory(t, b)
    for i in 0..<units {
      let (enters, forgets) = (x[i], x[units + i])
      let (new, emits) = (x[2 * units + i], x[3 * units + i])
      let g = gradient[i] + (detachesTime ? 0 : late[i])
      // The output is emits * shown, with shown = tanh(memory).
      let shown = tanhf(memory[r * output.stride + i])
      let onMemory = g * emits * (1 - shown * shown) + (detachesTime ? 0 : kept[i])
      x[i] = onMemory * new * enters * (1 - enters)
      x[units + i] = onMemory * old[i] * forgets * (1 - forgets)
      x[2 * units + i] = onMemory * enters * (1 - new * new)
      x[3 * units + i] = g * shown * emits * (1 - emits)
      kept[i] = onMemory * forgets
    }
  }

  func accumulate(_ pass: Pass) throws(ArcuateError) {
    for bias in [inputBias, hiddenBias] {
      guard let bias, bias.isTrained else { continue }
      LearningLoops.addColumns(
        recorded.row, rows: output.rows, stride: inputWeight.stride, columns: 0..<4 * units,
        to: bias.gradient.row)
    }
    for t in 0..<output.steps {
      let rows = t * batch..<(t + 1) * batch
      if inputWeight.isTrained {
        let x = matrix(input.values, input, shifted(0..<batch, by: input.index(t) * batch))
        try addProduct(x, gates(rows), to: inputWeight, pass)
      }
      if hiddenWeight.isTrained, t > 0 {
        try addProduct(before(t, 0..<batch), gates(rows), to: hiddenWeight, pass)
      }
    }
  }

  /// Adds x^T g to the gradient of a weight.
  private func addProduct(
    _ x: Matrix, _ g: Matrix, to weight: Parameter, _ pass: Pass
  ) throws(ArcuateError) {
    try pass.pool.split(0..<weight.rows, grain: 6) { part, worker in
      pass.products[worker].multiply(
        x.transposed.rows(part), g, into: matrix(weight.gradient, weight).rows(part), adds: true)
    }
  }

  func operations(_ samples: Int, _ pass: Pass) -> Int {
    samples * 4 * units * (input.steps * input.width + output.steps * units)
  }

  func trained() -> Operator? {
    .lstm(
      LSTM(
        inputWeight: inputWeight.tensor(), hiddenWeight: hiddenWeight.tensor(),
        inputBias: inputBias?.tensor(), hiddenBias: hiddenBias?.tensor()))
  }
}
