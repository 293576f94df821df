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
  public func apply(input: Row<Float>, output: Row<Float>) {
    precondition(
      input.count >= inHeight * inWidth * channels
        && output.count >= outHeight * outWidth * channels,
      "room for the rows")
    let divisor = Float(kernelHeight * kernelWidth)
    let isMaximum = reduction == .maximum
    for oy in 0..<outHeight {
      for ox in 0..<outWidth {
        // SAFETY: every pixel below lies inside the heights and widths that were checked.
        let pixel = output.pointer + (oy * outWidth + ox) * channels
        for c in 0..<channels { pixel[c] = isMaximum ? -.infinity : 0 }
        for y in window(oy * strideY - padY, kernelHeight, inHeight) {
          for x in window(ox * strideX - padX, kernelWidth, inWidth) {
            let seen = input.pointer + (y * inWidth + x) * channels
            if isMaximum {
              for c in 0..<channels { pixel[c] = max(pixel[c], seen[c]) }
            } else {
              for c in 0..<channels { pixel[c] += seen[c] }
            }
          }
        }
        if reduction == .average { for c in 0..<channels { pixel[c] /= divisor } }
      }
    }
  }

  /// The positions of a window that lie inside the input.
  private func window(_ first: Int, _ length: Int, _ extent: Int) -> Range<Int> {
    let start = min(max(first, 0), extent)
    return start..<max(start, min(first + length, extent))
  }
}
