/// The geometry of a convolution over channel-last arrays; a 1-D convolution has height 1.
public struct ConvolutionGeometry: Sendable {
  public var inHeight, inWidth, inChannels: Int
  public var outHeight, outWidth, outChannels: Int
  public var kernelHeight, kernelWidth: Int
  public var strideY, strideX: Int
  public var padTop, padLeft: Int
  public var dilationY, dilationX: Int
  public var groups: Int

  @inlinable
  public init(
    inHeight: Int, inWidth: Int, inChannels: Int, outHeight: Int, outWidth: Int,
    outChannels: Int, kernelHeight: Int, kernelWidth: Int, strideY: Int, strideX: Int,
    padTop: Int, padLeft: Int, dilationY: Int, dilationX: Int, groups: Int
  ) {
    self.inHeight = inHeight
    self.inWidth = inWidth
    self.inChannels = inChannels
    self.outHeight = outHeight
    self.outWidth = outWidth
    self.outChannels = outChannels
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.strideY = strideY
    self.strideX = strideX
    self.padTop = padTop
    self.padLeft = padLeft
    self.dilationY = dilationY
    self.dilationX = dilationX
    self.groups = groups
  }

  @inlinable public var inputCount: Int { inHeight * inWidth * inChannels }
  @inlinable public var outputCount: Int { outHeight * outWidth * outChannels }
  @inlinable public var outPerGroup: Int { outChannels / groups }
  @inlinable public var inPerGroup: Int { inChannels / groups }
}

/// A stretch of outputs that a stretch of weights is added to, in floats from their beginnings.
public struct ConvolutionRun: BitwiseCopyable, Sendable {
  public var weights: Int32
  public var output: Int32
  public var count: Int32

  @inlinable
  public init(weights: Int32, output: Int32, count: Int32) {
    self.weights = weights
    self.output = output
    self.count = count
  }
}

/// Where a kernel meets the outputs, for every position of an input.
///
/// An input in row y and column x is seen by the outputs of each run of its row together with each
/// run of its column. Outputs side by side see it through kernel columns that stand side by side as
/// well, last first, so that one run covers them with all their channels.
public struct ConvolutionRuns {
  /// Runs of row y: rows[rowStarts[y] ..< rowStarts[y + 1]]; their `count` is not used.
  public var rows, columns: UnsafePointer<ConvolutionRun>
  public var rowStarts, columnStarts: UnsafePointer<Int32>
  public var inWidth, inChannels, inChannelsPerGroup: Divisor
  /// Floats of an input channel's weights, and from one group's outputs to the next.
  public var channelStride, outputsPerGroup: Int

  @inlinable
  public init(
    rows: UnsafePointer<ConvolutionRun>, columns: UnsafePointer<ConvolutionRun>,
    rowStarts: UnsafePointer<Int32>, columnStarts: UnsafePointer<Int32>, inWidth: Divisor,
    inChannels: Divisor, inChannelsPerGroup: Divisor, channelStride: Int, outputsPerGroup: Int
  ) {
    self.rows = rows
    self.columns = columns
    self.rowStarts = rowStarts
    self.columnStarts = columnStarts
    self.inWidth = inWidth
    self.inChannels = inChannels
    self.inChannelsPerGroup = inChannelsPerGroup
    self.channelStride = channelStride
    self.outputsPerGroup = outputsPerGroup
  }
}

/// A convolution as each output sees it, for a stride of 1 and no dilation along rows.
///
/// The window of an output covers columns side by side, so that in each input row its inputs are a
/// stretch of the ascending list; weights stand in the order of that list,
/// [kernel height][1 + kernel width + 1][in channels][channel stride].
public struct ConvolutionWindows {
  public var geometry: ConvolutionGeometry
  /// Floats from one input channel's weights to the next: the out channels, padded to 16.
  public var channelStride: Int
  /// By the in channels: the pixel of an input.
  public var pixel: Divisor

  @inlinable
  public init(geometry: ConvolutionGeometry, channelStride: Int, pixel: Divisor) {
    self.geometry = geometry
    self.channelStride = channelStride
    self.pixel = pixel
  }
}
