import ArcuateCore
import ArcuateKernelTypes

/// Some consecutive neurons of a layer that somebody else keeps alive, which spike at once and at
/// most once a step.
public struct NeuronTile {
  private let coefficients: NeuronCoefficients
  private let flags: NeuronFlags
  public let count: Int

  /// What one kernel can do; layers with other flags are not for tiles.
  public static let flags: NeuronFlags = [
    .synapse, .spikes, .orEqual, .resetToValue, .resetSubtract,
  ]

  fileprivate init(_ layer: NeuronLayer, first: Int, count: Int) {
    func part(_ parameter: NeuronLayer.Parameter) -> NeuronParameter {
      let whole = parameter.kernelParameter
      // SAFETY: an array of the layer has `first` elements and more; copies stay where they are.
      return NeuronParameter(pointer: whole.pointer + (first & whole.mask), mask: whole.mask)
    }
    coefficients = NeuronCoefficients(
      currentDecay: part(layer.currentDecay), currentGain: part(layer.currentGain),
      decay: part(layer.decay), gain: part(layer.gain), offset: part(layer.offset),
      threshold: part(layer.threshold), resetValue: part(layer.resetValue))
    flags = layer.flags
    self.count = count
  }

  /// One step for the input base + sum; sum is zero afterwards. A base of 16 elements is 16 times
  /// the same. The list holds position + 0, 1 and so on.
  @inline(__always)
  public func step(
    base: Row<Float>, sum: Row<Float>, membrane: Row<Float>, current: Row<Float>,
    list: Row<UInt32>, position: Int
  ) -> (changed: Int, spikes: Int) {
    let padded = (count + 15) & ~15
    precondition(
      (base.count >= padded || base.count == 16) && sum.count >= padded
        && membrane.count >= padded && (!flags.contains(.synapse) || current.count >= padded)
        && list.count >= padded, "rows padded to 16")
    // SAFETY: every row has `padded` elements; parameters are padded or repeated.
    let outcome = populationStep(
      base: NeuronParameter(pointer: base.pointer, mask: base.count >= padded ? -1 : 0),
      sum: sum.pointer, membrane: membrane.pointer, current: current.pointer, list: list.pointer,
      position: position, count: count, coefficients: coefficients, flags: flags)
    return (outcome.changed, outcome.listed)
  }
}

extension NeuronLayer {
  /// The neurons first ..< first + count.
  /// Needs. `first` a multiple of 16, the neurons in the layer, flags among `NeuronTile.flags`;
  /// checked.
  public func tile(first: Int, count: Int) -> NeuronTile {
    precondition(
      first >= 0 && first & 15 == 0 && count >= 0 && first + count <= self.count
        && flags.contains(.spikes) && flags.isSubset(of: NeuronTile.flags), "a tile of the layer")
    return NeuronTile(self, first: first, count: count)
  }
}
