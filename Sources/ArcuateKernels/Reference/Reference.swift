import ArcuateCore
import ArcuateKernelTypes

/// The slow twin of every kernel: the definition, in plain arrays.
public enum Reference {
  /// y[o] = bias[o] + sum over ascending j of weight[o][j] x[j]; zeros of x are skipped, which
  /// cannot change a bit (see `LinearWeights`). With `fused` they are not, and each product is
  /// added with one rounding. With int8 weights the sum is that of the integers, times a scale.
  public static func linear(
    input x: [Float], weight: Tensor, bias: [Float], fused: Bool = false
  ) -> [Float] {
    let isScaled = weight.element == .int8
    let numbers =
      isScaled ? weight.bytes.array.map { Float(Int8(bitPattern: $0)) } : weight.floats
    return bias.indices.map { o in
      var sum = isScaled ? 0 : bias[o] + 0
      for j in x.indices {
        let w = numbers[o * x.count + j]
        if fused {
          sum = sum.addingProduct(w, x[j])
        } else if x[j] != 0 {
          sum += w * x[j]
        }
      }
      guard isScaled, !x.isEmpty else { return isScaled ? bias[o] + 0 : sum }
      let product = weight.scale(at: o * x.count) * sum
      return bias[o] + 0 + product
    }
  }

  /// Channel-last rows; weight [out][in / groups][ky][kx]; inputs in ascending (y, x, channel).
  public static func convolution(
    input x: [Float], weight: [Float], bias: [Float], geometry g: ConvolutionGeometry
  ) -> [Float] {
    let inPerGroup = g.inChannels / g.groups
    let outPerGroup = g.outChannels / g.groups
    var y = [Float](repeating: 0, count: g.outputCount)
    for oy in 0..<g.outHeight {
      for ox in 0..<g.outWidth {
        for o in 0..<g.outChannels {
          var sum = bias[o] + 0
          for ky in 0..<g.kernelHeight {
            let iy = oy * g.strideY - g.padTop + ky * g.dilationY
            guard iy >= 0, iy < g.inHeight else { continue }
            for kx in 0..<g.kernelWidth {
              let ix = ox * g.strideX - g.padLeft + kx * g.dilationX
              guard ix >= 0, ix < g.inWidth else { continue }
              for i in 0..<inPerGroup {
                let channel = (o / outPerGroup) * inPerGroup + i
                let value = x[(iy * g.inWidth + ix) * g.inChannels + channel]
                if value != 0 {
                  sum +=
                    weight[((o * inPerGroup + i) * g.kernelHeight + ky) * g.kernelWidth + kx]
                    * value
                }
              }
            }
          }
          y[(oy * g.outWidth + ox) * g.outChannels + o] = sum
        }
      }
    }
    return y
  }

  /// One neuron's numbers for `neuronStep`.
  public struct NeuronNumbers: Sendable {
    public var currentDecay, currentGain, decay, gain, offset, threshold, resetValue: Float
    public init(
      currentDecay: Float, currentGain: Float, decay: Float, gain: Float, offset: Float,
      threshold: Float, resetValue: Float
    ) {
      self.currentDecay = currentDecay
      self.currentGain = currentGain
      self.decay = decay
      self.gain = gain
      self.offset = offset
      self.threshold = threshold
      self.resetValue = resetValue
    }
  }

  /// One step of one neuron; returns what it emits.
  public static func neuronStep(
    input: Float, membrane v: inout Float, current i: inout Float, pending: inout Float,
    numbers n: NeuronNumbers, flags: NeuronFlags
  ) -> Float {
    func reaches(_ value: Float) -> Bool {
      flags.contains(.orEqual) ? value >= n.threshold : value > n.threshold
    }
    func number(_ value: Float) -> Float {
      flags.contains(.multiSpike) ? (value / n.threshold).rounded(.down) : 1
    }
    let old = v
    var takenOff: Float = 0
    if flags.contains(.resetNextStep), reaches(v) {
      if flags.contains(.resetToValue) {
        v = n.resetValue
      } else if flags.contains(.resetSubtract) {
        takenOff = number(v) * (n.threshold - n.resetValue)
      }
    }
    var drive = input
    if flags.contains(.synapse) {
      let before = i
      i = n.currentDecay * before + n.currentGain * input
      drive = flags.contains(.oldCurrent) ? before : i
    }
    v = n.decay * v + n.gain * drive + n.offset
    if flags.contains(.resetNextStep) { v -= takenOff }
    var emitted = v
    if flags.contains(.spikes) {
      let compared = flags.contains(.residual) && reaches(old) ? v - n.threshold : v
      emitted = reaches(compared) ? number(v) : 0
      if !flags.contains(.resetNextStep) {
        if flags.contains(.resetToValue) {
          if emitted != 0 { v = n.resetValue }
        } else if flags.contains(.resetSubtract) {
          v -= emitted * (n.threshold - n.resetValue)
        }
      }
      if flags.contains(.clampsBelow), v < -n.threshold { v = -n.threshold }
    }
    if flags.contains(.spikeNextStep) {
      swap(&emitted, &pending)
    }
    return emitted
  }

  public static func nonzeroList(_ x: [Float]) -> [UInt32] {
    x.indices.filter { x[$0] != 0 }.map { UInt32($0) }
  }

  /// Listed connections of one input: where each leads, its delay in steps, its weight.
  public typealias Connection = (post: Int, delay: Int, weight: Float)

  /// y[t][post] = sum of weight * x[t - delay][pre]: what left earlier first, then by ascending
  /// input, then in the order of the list; zeros of x are skipped.
  public static func sparse(
    input x: [[Float]], connections: [[Connection]], outputs: Int
  ) -> [[Float]] {
    let later = x.count + (connections.joined().map(\.delay).max() ?? 0)
    var y = [[Float]](repeating: [Float](repeating: 0, count: outputs), count: later)
    for t in x.indices {
      for j in x[t].indices where x[t][j] != 0 {
        for c in connections[j] { y[t + c.delay][c.post] += c.weight * x[t][j] }
      }
    }
    return Array(y.prefix(x.count))
  }
}
