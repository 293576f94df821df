import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// y = factor x + shift, element by element: scales and batch normalization.
final class ScaleNode: NodeRun {
  let factor: View<Float>
  let shift: View<Float>?

  let stateCount = 0
  let scratchCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let reason = "elementwise"
  let isStateless = true
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.values

  init(factor: View<Float>, shift: View<Float>?) {
    self.factor = factor
    self.shift = shift
  }

  /// Throws. `outOfMemory`.
  convenience init(_ norm: BatchNorm, _ packing: NodePacking) throws(ArcuateError) {
    let (factor, shift) = norm.factorAndShift()
    let shape = packing.shape
    let inner = shape.count / max(shape.extents.first ?? 1, 1)
    func spread(_ perChannel: [Float]) throws(ArcuateError) -> View<Float> {
      let all = perChannel.flatMap { [Float](repeating: $0, count: inner) }
      return try View.packed(packing.ordered(all))
    }
    self.init(factor: try spread(factor), shift: try spread(shift))
  }

  var byteCount: Int { factor.count * 4 + (shift?.count ?? 0) * 4 }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    step.eachRow(window, arena) { input, output in
      Elementwise.scale(
        input, by: factor.row, shift: shift?.row, into: output, count: step.outputCount)
    }
  }
}

/// 1 where the input is above a level, else 0.
final class ThresholdNode: NodeRun {
  let level: View<Float>

  let stateCount = 0
  let scratchCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let reason = "elementwise"
  let isStateless = true
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.spikes

  init(_ level: View<Float>) { self.level = level }

  var byteCount: Int { level.count * 4 }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    step.eachRow(window, arena) { input, output in
      Elementwise.threshold(input, above: level.row, into: output, count: step.outputCount)
    }
  }
}

/// A value layer's function.
final class ActivationNode: NodeRun {
  let function: Activation

  let stateCount = 0
  let scratchCount = 0
  let byteCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let reason = "elementwise"
  let isStateless = true
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.values

  init(_ function: Activation) { self.function = function }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    let count = step.outputCount
    step.eachRow(window, arena) { input, output in
      switch function {
      case .relu: Elementwise.relu(input, into: output, count: count)
      case .sigmoid: Elementwise.sigmoid(input, into: output, count: count)
      case .tanh: Elementwise.tanh(input, into: output, count: count)
      case .softmax: Elementwise.softmax(input, logarithm: false, into: output, count: count)
      case .logSoftmax: Elementwise.softmax(input, logarithm: true, into: output, count: count)
      }
    }
  }
}
