import ArcuateCore
import ArcuateMicrokernels

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

  /// The same by the list of non-zero inputs, for sums and averages.
  ///
  /// Inputs are added in the order in which their windows would meet them, so that the bits agree.
  public func applyEvents(
    input: Row<Float>, list: Row<UInt32>, nonzero: NonzeroCount, output: Row<Float>
  ) {
    precondition(reduction != .maximum, "sums and averages")
    let count = outHeight * outWidth * channels
    precondition(
      input.count >= inHeight * inWidth * channels && list.count >= nonzero.count
        && output.count >= count, "room for the rows")
    output.part(0, count).fill(0)
    let (byChannels, byWidth) = (Divisor(channels), Divisor(inWidth))
    let (byStrideY, byStrideX) = (Divisor(strideY), Divisor(strideX))
    for e in 0..<Int(nonzero.count) {
      // SAFETY: the list came from `findNonzero` over the input; windows inside the output alone
      // are written.
      let index = Int(list.pointer[e])
      let value = input.pointer[index]
      let (pixel, channel) = byChannels.divide(index)
      let (y, x) = byWidth.divide(pixel)
      var oy = min(byStrideY.divide(y + padY).quotient, outHeight - 1)
      while oy >= 0, oy * strideY - padY + kernelHeight > y {
        var ox = min(byStrideX.divide(x + padX).quotient, outWidth - 1)
        while ox >= 0, ox * strideX - padX + kernelWidth > x {
          output.pointer[(oy * outWidth + ox) * channels + channel] += value
          ox -= 1
        }
        oy -= 1
      }
    }
    if reduction == .average {
      let divisor = Float(kernelHeight * kernelWidth)
      for i in 0..<count { output.pointer[i] /= divisor }
    }
  }

  /// The positions of a window that lie inside the input.
  private func window(_ first: Int, _ length: Int, _ extent: Int) -> Range<Int> {
    let start = min(max(first, 0), extent)
    return start..<max(start, min(first + length, extent))
  }
}
