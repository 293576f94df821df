import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// What training recurrent layers with gates has in common: their parameters, rows of gates as
/// matrices, and the gradients of the weights.
struct GatedTraining {
  let inputWeight, hiddenWeight: Parameter
  let inputBias, hiddenBias: Parameter?
  let ports: NodePorts
  /// The output before the first step.
  let zeros: View<Float>
  private let gateCount: Int

  init<Layer: GatedLayer>(_ layer: Layer, at site: NodeSite) throws(ArcuateError) {
    let input = try site.input()
    let gates = Layer.gateCount * layer.unitCount
    inputWeight = try site.parameter("weight_ih", layer.inputWeight, isMatrix: true)
    hiddenWeight = try site.parameter("weight_hh", layer.hiddenWeight, isMatrix: true)
    func bias(_ field: String, _ tensor: Tensor?) throws(ArcuateError) -> Parameter? {
      guard let tensor else { return nil }
      return try site.parameter(field, tensor.reshaped(Shape([gates])))
    }
    inputBias = try bias("bias_ih", layer.inputBias)
    hiddenBias = try bias("bias_hh", layer.hiddenBias)
    ports = NodePorts(site.name, [input], try site.output())
    gateCount = Layer.gateCount
    zeros = try Signal.storage(
      ports.output.batch, max(inputWeight.stride, ports.output.stride))
  }

  var parameters: [Parameter] {
    [inputWeight, hiddenWeight] + [inputBias, hiddenBias].compactMap { $0 }
  }

  /// The layer with the trained parameters.
  func trained<Layer: GatedLayer>() -> Layer {
    Layer(
      inputWeight: inputWeight.tensor(), hiddenWeight: hiddenWeight.tensor(),
      inputBias: inputBias?.tensor(), hiddenBias: hiddenBias?.tensor())
  }

  private var input: Signal { ports.inputs[0] }
  private var output: Signal { ports.output }
  private var batch: Int { output.batch }
  /// Elements of a row of gates.
  var width: Int { gateCount * output.width }

  // MARK: Rows

  /// Rows of gates of all steps, [steps][batch].
  func storage() throws(ArcuateError) -> View<Float> {
    try Signal.storage(output.rows, inputWeight.stride)
  }

  func gates(_ view: View<Float>, _ r: Int) -> Row<Float> {
    view.row.part(r * inputWeight.stride, width)
  }

  /// Rows of gates as a matrix.
  func gates(_ view: View<Float>, _ rows: Range<Int>) -> Matrix {
    Matrix(view.row, rows: output.rows, columns: width, rowStride: inputWeight.stride).rows(rows)
  }

  /// A bias, or zeros.
  func bias(_ bias: Parameter?) -> Row<Float> { (bias?.values ?? zeros).row.part(0, width) }

  func matrix(_ weight: Parameter) -> Matrix { matrix(weight.values, weight) }

  private func matrix(_ values: View<Float>, _ weight: Parameter) -> Matrix {
    Matrix(values.row, rows: weight.rows, columns: weight.width, rowStride: weight.stride)
  }

  /// Rows of a signal as a matrix.
  private func matrix(_ values: View<Float>, _ signal: Signal, _ rows: Range<Int>) -> Matrix {
    Matrix(values.row, rows: signal.rows, columns: signal.width, rowStride: signal.stride)
      .rows(rows)
  }

  func shifted(_ rows: Range<Int>, by count: Int) -> Range<Int> {
    rows.lowerBound + count..<rows.upperBound + count
  }

  /// The inputs of a step, or numbers stored like them, of some samples.
  func inputs(_ t: Int, _ samples: Range<Int>, of values: View<Float>? = nil) -> Matrix {
    matrix(values ?? input.values, input, shifted(samples, by: input.index(t) * batch))
  }

  /// The outputs of the step before `t`, of some samples.
  func before(_ t: Int, _ samples: Range<Int>) -> Matrix {
    t > 0
      ? matrix(output.values, output, shifted(samples, by: (t - 1) * batch))
      : Matrix(zeros.row, rows: batch, columns: output.width, rowStride: output.stride)
        .rows(samples)
  }

  // MARK: Gradients

  /// Adds the gradients of the weights and biases, from those of the sums that enter the gates.
  func accumulate(
    inputGates: View<Float>, hiddenGates: View<Float>, _ pass: Pass
  ) throws(ArcuateError) {
    for (bias, view) in [(inputBias, inputGates), (hiddenBias, hiddenGates)] {
      guard let bias, bias.isTrained else { continue }
      LearningLoops.addColumns(
        view.row, rows: output.rows, stride: inputWeight.stride, columns: 0..<width,
        to: bias.gradient.row)
    }
    for t in 0..<output.steps {
      let rows = t * batch..<(t + 1) * batch
      if inputWeight.isTrained {
        try addProduct(inputs(t, 0..<batch), gates(inputGates, rows), to: inputWeight, pass)
      }
      if hiddenWeight.isTrained, t > 0 {
        try addProduct(before(t, 0..<batch), gates(hiddenGates, rows), to: hiddenWeight, pass)
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

  func operations(_ samples: Int) -> Int {
    samples * width * (input.steps * input.width + output.steps * output.width)
  }
}
