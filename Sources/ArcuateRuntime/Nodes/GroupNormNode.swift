import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Group normalization: each group of channels to mean 0 and variance 1, then scaled and shifted.
///
/// Numbers. Mean and variance in float64, channel by channel and position by position, whatever the
/// order of the rows.
final class GroupNormNode: NodeRun {
  private let groups: Int
  private let epsilon: Float
  private let gamma: View<Float>
  private let beta: View<Float>
  private let channels: Int
  /// Elements from one channel to the next, and from one position to the next.
  private let channelStride: Int
  private let positionStride: Int
  private let positions: Int

  let stateCount = 0
  let scratchCount = 0
  let weightByteCount = 0
  let fanOut = FanOut.none
  let inputCount: Int? = nil
  let kernels: [Kernel] = []
  let isStateless = true
  let inputUse = InputUse.sum
  let listUse: ListUse = []
  let emission = Emission.values

  /// Throws. `outOfMemory`.
  init(_ norm: GroupNorm, _ packing: NodePacking) throws(ArcuateError) {
    groups = norm.groups
    epsilon = norm.epsilon
    gamma = try View.packed(norm.gamma.floats)
    beta = try View.packed(norm.beta.floats)
    channels = norm.gamma.count
    positions = packing.shape.count / max(channels, 1)
    (channelStride, positionStride) =
      packing.isChannelLast ? (1, channels) : (positions, 1)
  }

  var byteCount: Int { channels * 8 }
  var reason: String { "over \(groups) groups of channels" }

  func cost(inputs: Int, outputs: Int) -> Double { Double(inputs + outputs) * 2 }
  func reset(_: Int, _: Arena) {}
  func emitEarly(_: NodeStep, _: Window, _: Arena) {}
  func recordable(_: NodeQuantity) -> StateRows? { nil }

  func run(_ step: NodeStep, _ window: Window, _ arena: Arena) {
    step.eachRow(window, arena) { input, output in
      let size = channels / groups
      let count = Double(size * positions)
      for g in 0..<groups {
        let members = g * size..<(g + 1) * size
        var sum = 0.0
        for c in members { eachIndex(c) { sum += Double(input[$0]) } }
        let mean = sum / count
        var square = 0.0
        for c in members {
          eachIndex(c) {
            let difference = Double(input[$0]) - mean
            square += difference * difference
          }
        }
        let scale = Float(1 / (square / count + Double(epsilon)).squareRoot())
        for c in members {
          let (factor, shift) = (gamma.row[c], beta.row[c])
          eachIndex(c) { output[$0] = (input[$0] - Float(mean)) * scale * factor + shift }
        }
      }
    }
  }

  /// The elements of a channel, position by position.
  @inline(__always)
  private func eachIndex(_ channel: Int, _ body: (Int) -> Void) {
    var index = channel * channelStride
    for _ in 0..<positions {
      body(index)
      index += positionStride
    }
  }
}
