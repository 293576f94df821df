import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// All elements times one number, so that their root mean square becomes what the model wants.
final class NormalizationNode: NodeRun {
  let norm: Normalization

  let stateCount = 0
  let scratchCount = 0
  let byteCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let reason = "over all elements"
  let isStateless = true
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.values

  init(_ norm: Normalization) { self.norm = norm }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) / 16 * 4 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    step.eachRow(window, arena) { input, output in
      Elementwise.normalize(
        input, target: norm.target, floor: norm.floor, appendsLog: norm.appendsLog, into: output,
        count: step.inputCount)
    }
  }
}
