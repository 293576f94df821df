import ArcuateCore
import ArcuateKernels

extension Operation {
  /// Computes one row of an operation that remembers nothing.
  ///
  /// `nonzero` and `list` describe `input` where it is listed, as it is for operations that need
  /// it; the temporaries are as wide as the widest row.
  func apply(
    input: Row<Float>, list: Row<UInt32>, nonzero: NonzeroCount?, output: Row<Float>,
    inputCount: Int, outputCount: Int, temporary: Row<Float>, temporaryOutput: Row<Float>,
    temporaryList: Row<UInt32>
  ) {
    switch self {
    case .copy, .alias: output.part(0, outputCount).copy(from: input.part(0, outputCount))
    case .linear(let packed):
      guard packed.parts != 1 else {
        let weights = packed.matrices[0]
        return weights.applyEvents(
          input: input, list: list, nonzero: nonzero!, output: output, first: 0,
          count: weights.stride)
      }
      for p in 0..<packed.parts {
        let weights = packed.matrices[packed.matrices.count == 1 ? 0 : p]
        let padded = (weights.inputs + 15) & ~15
        temporary.part(0, padded).fill(0)
        temporary.part(0, weights.inputs).copy(
          from: input.part(p * weights.inputs, weights.inputs))
        let found = findNonzero(temporary, count: weights.inputs, list: temporaryList)
        weights.applyEvents(
          input: temporary, list: temporaryList, nonzero: found, output: temporaryOutput, first: 0,
          count: weights.stride)
        output.part(p * weights.outputs, weights.outputs).copy(
          from: temporaryOutput.part(0, weights.outputs))
      }
    case .convolution(let weights):
      _ = weights.apply(
        input: input, list: list, nonzero: nonzero!, output: output, starts: temporaryList)
    case .pooling(let window, let places):
      if let nonzero, let places, window.takesEvents(nonzero) {
        window.applyEvents(
          input: input, list: list, nonzero: nonzero, places: places, output: output)
      } else {
        window.apply(input: input, output: output)
      }
    case .scale(let factor, let shift):
      Elementwise.scale(input, by: factor.row, shift: shift?.row, into: output, count: outputCount)
    case .threshold(let level):
      Elementwise.threshold(input, above: level.row, into: output, count: outputCount)
    case .activation(let function):
      switch function {
      case .relu: Elementwise.relu(input, into: output, count: outputCount)
      case .sigmoid: Elementwise.sigmoid(input, into: output, count: outputCount)
      case .tanh: Elementwise.tanh(input, into: output, count: outputCount)
      case .softmax: Elementwise.softmax(input, logarithm: false, into: output, count: outputCount)
      case .logSoftmax:
        Elementwise.softmax(input, logarithm: true, into: output, count: outputCount)
      }
    case .normalization(let norm):
      Elementwise.normalize(
        input, target: norm.target, floor: norm.floor, appendsLog: norm.appendsLog, into: output,
        count: inputCount)
    case .input, .neuron, .delay, .sparse, .bernoulli, .singleShot, .rateEncoder, .decoder,
      .spikeMaximum, .concatenation, .multiplication, .plastic:
      preconditionFailure("an operation with a memory, or with several inputs")
    }
  }
}
