import ArcuateCore
import ArcuateMicrokernels

public typealias ConvolutionGeometry = ArcuateMicrokernels.ConvolutionGeometry

extension ConvolutionGeometry {
  public var inputCount: Int { inHeight * inWidth * inChannels }
  public var outputCount: Int { outHeight * outWidth * outChannels }
}

/// Kernels of a convolution packed by input channel, with a bias per output channel.
public struct ConvolutionWeights: Sendable {
  public let geometry: ConvolutionGeometry
  /// [in channels][kernel height][kernel width][row stride]
  public let values: View<Float>
  /// [out height][out width][out channels]: the biases as a whole output row.
  public let start: View<Float>

  /// `weight` is [out channels][in channels / groups][kernel height][kernel width], row-major;
  /// `geometry.rowStride` is set here. Throws. `outOfMemory`.
  public init(weight: [Float], bias: [Float], geometry: ConvolutionGeometry) throws {
    var g = geometry
    let outPerGroup = g.outChannels / g.groups
    let inPerGroup = g.inChannels / g.groups
    let window = g.kernelHeight * g.kernelWidth
    precondition(
      weight.count == g.outChannels * inPerGroup * window && bias.count == g.outChannels,
      "sizes agree")
    g.rowStride = (outPerGroup + 7) & ~7
    self.geometry = g
    let count = g.inChannels * window * g.rowStride
    values = try AlignedBuffer(byteCount: count * 4).view(start: 0, count: count)
    for out in 0..<g.outChannels {
      for i in 0..<inPerGroup {
        for k in 0..<window {
          let channel = (out / outPerGroup) * inPerGroup + i
          values[(channel * window + k) * g.rowStride + out % outPerGroup] =
            weight[(out * inPerGroup + i) * window + k]
        }
      }
    }
    var row = [Float](repeating: 0, count: g.outputCount)
    for i in row.indices { row[i] = bias[i % g.outChannels] + 0 }
    start = try View.packed(row)
  }

  public var byteCount: Int { (values.count + start.count) * 4 }

  /// output = bias + convolution of the non-zero inputs. Arrays are channel-last.
  @inline(__always)
  public func applyEvents(
    input: Row<Float>, list: Row<UInt32>, nonzero: NonzeroCount, output: Row<Float>
  ) {
    precondition(
      input.count >= geometry.inputCount && list.count >= nonzero.count
        && output.count >= start.count, "room for the rows")
    output.part(0, start.count).copy(from: start.row)
    // SAFETY: the list came from `findNonzero` over the input, so every index is inside it, and
    // the kernel writes only to positions inside the geometry's output.
    convolutionEvents(
      input: input.pointer, list: list.pointer, listCount: Int(nonzero.count),
      weights: values.pointer, geometry: geometry, output: output.pointer)
  }
}
