import ArcuateCore

/// Windows over the spatial axes of a channel-last array.
public struct PoolingWindow: Sendable {
  public enum Reduction: Sendable { case sum, average, maximum }
  public var reduction: Reduction
  public var inHeight, inWidth, outHeight, outWidth, channels: Int
  public var kernelHeight, kernelWidth, strideY, strideX, padY, padX: Int

  public init(
    reduction: Reduction, inHeight: Int, inWidth: Int, outHeight: Int, outWidth: Int,
    channels: Int, kernelHeight: Int, kernelWidth: Int, strideY: Int, strideX: Int, padY: Int,
    padX: Int
  ) {
    self.reduction = reduction
    self.inHeight = inHeight
    self.inWidth = inWidth
    self.outHeight = outHeight
    self.outWidth = outWidth
    self.channels = channels
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.strideY = strideY
    self.strideX = strideX
    self.padY = padY
    self.padX = padX
  }

  /// Padding counts as zeros for sums, counts in the divisor of averages, and never wins a maximum.
  public func apply(input: View<Float>, output: View<Float>) {
    let divisor = Float(kernelHeight * kernelWidth)
    for oy in 0..<outHeight {
      for ox in 0..<outWidth {
        for c in 0..<channels {
          var sum: Float = 0
          var top = -Float.infinity
          for ky in 0..<kernelHeight {
            let y = oy * strideY - padY + ky
            guard y >= 0, y < inHeight else { continue }
            for kx in 0..<kernelWidth {
              let x = ox * strideX - padX + kx
              guard x >= 0, x < inWidth else { continue }
              let value = input[(y * inWidth + x) * channels + c]
              sum += value
              top = max(top, value)
            }
          }
          let result: Float =
            switch reduction {
            case .sum: sum
            case .average: sum / divisor
            case .maximum: top
            }
          output[(oy * outWidth + ox) * channels + c] = result
        }
      }
    }
  }
}
