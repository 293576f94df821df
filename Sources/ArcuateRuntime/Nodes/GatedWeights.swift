import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// The weights of a recurrent layer with gates: a matrix for each gate on either side.
struct GatedWeights {
  let input, hidden: [LinearWeights]
  let fanOut: FanOut

  /// Throws. `outOfMemory`.
  init<Layer: GatedLayer>(_ layer: Layer) throws(ArcuateError) {
    let (units, inputs) = (layer.unitCount, layer.inputWeight.shape[1])
    let count = Layer.gateCount
    func gates(
      _ weight: Tensor, _ bias: Tensor?, _ inputs: Int
    ) throws(ArcuateError) -> [LinearWeights] {
      let bias = bias?.floats ?? [Float](repeating: 0, count: count * units)
      let gates = try weight.reshaped(Shape([count, units, inputs]))
      return try (0..<count).map { k throws(ArcuateError) in
        try LinearWeights(
          weight: gates, matrix: k, bias: Array(bias[k * units..<(k + 1) * units]),
          inputs: inputs, outputs: units)
      }
    }
    let weights = try gates(layer.inputWeight, layer.inputBias, inputs)
    input = weights
    hidden = try gates(layer.hiddenWeight, layer.hiddenBias, units)
    let perInput = (0..<inputs).map { j in
      weights.reduce(0 as UInt32) { $0 + $1.nonzeroPerInput[j] }
    }
    fanOut = FanOut((perInput, UInt64(count * units * (inputs + units))))
  }

  var byteCount: Int { (input + hidden).reduce(0) { $0 + $1.byteCount } }
}
