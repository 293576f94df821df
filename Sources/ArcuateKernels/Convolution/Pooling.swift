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
      "buffer too small for the rows")
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

  /// The rise of the largest sum in each window: `sums` has `input` added, and what comes out is
  /// the largest of them less what `largest` had, which is brought up to date.
  ///
  /// A window that lies in the padding alone gives nothing.
  public func applyRise(
    input: Row<Float>, sums: Row<Float>, largest: Row<Float>, output: Row<Float>
  ) {
    let count = outHeight * outWidth * channels
    let inputs = inHeight * inWidth * channels
    precondition(reduction == .maximum && largest.count >= count, "buffer too small for the rows")
    Elementwise.add(sums, input, into: sums, count: inputs)
    apply(input: sums, output: output)
    for i in 0..<count {
      let now = output[i] == -.infinity ? 0 : output[i]
      output[i] = now - largest[i]
      largest[i] = now
    }
  }

  /// For each input the output whose window it lies in, -1 for none; nil if windows overlap.
  public func positions() throws(ArcuateError) -> View<Int32>? {
    guard kernelHeight <= strideY, kernelWidth <= strideX else { return nil }
    let count = inHeight * inWidth * channels
    let positions = try AlignedBuffer(byteCount: count * 4).view(Int32.self, start: 0, count: count)
    positions.row.fill(-1)
    for oy in 0..<outHeight {
      for ox in 0..<outWidth {
        for y in window(oy * strideY - padY, kernelHeight, inHeight) {
          for x in window(ox * strideX - padX, kernelWidth, inWidth) {
            for c in 0..<channels {
              positions[(y * inWidth + x) * channels + c] = Int32(
                (oy * outWidth + ox) * channels + c)
            }
          }
        }
      }
    }
    return positions
  }

  /// Whether the list of non-zero inputs is enough: for a maximum only that of spikes is.
  @inline(__always)
  public func takesEvents(_ nonzero: NonzeroCount) -> Bool {
    Int(nonzero.count) * 4 < inHeight * inWidth * channels
      && (reduction != .maximum || nonzero.unit != 0)
  }

  /// The same by the list of non-zero inputs. Needs. `positions` from here; `takesEvents`.
  ///
  /// Inputs are added in the order in which their windows would meet them, so that the bits agree.
  public func applyEvents(
    input: Row<Float>, list: Row<UInt32>, nonzero: NonzeroCount, positions: View<Int32>,
    output: Row<Float>
  ) {
    let count = outHeight * outWidth * channels
    precondition(
      input.count >= inHeight * inWidth * channels && list.count >= nonzero.count
        && positions.count == inHeight * inWidth * channels && output.count >= count,
      "buffer too small for the rows")
    output.part(0, count).fill(0)
    // SAFETY: the list came from `findNonzero` over the input, and `positions` has a position inside the
    // output, or none, for each.
    let (spikes, to, from) = (list.pointer, positions.pointer, input.pointer)
    let isMaximum = reduction == .maximum
    // Rows of ones may have no numbers.
    let isUnit = nonzero.unit != 0
    for e in 0..<Int(nonzero.count) {
      let index = Int(spikes[e])
      let position = Int(to[index])
      guard position >= 0 else { continue }
      if isMaximum {
        output.pointer[position] = 1
      } else {
        output.pointer[position] += isUnit ? 1 : from[index]
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
