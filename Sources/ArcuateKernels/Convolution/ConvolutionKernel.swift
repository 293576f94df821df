import ArcuateCore
import ArcuateKernelTypes
import CShims

/// Kernels of a convolution packed by input channel, with a bias per output channel.
///
/// A class, as `LinearWeights` is.
public final class ConvolutionWeights: Sendable {
  public let geometry: ConvolutionGeometry
  /// [in channels][kernel height][kernel width, in the order of `columns`][out channels of a group]
  let values: View<Float>
  /// [out height][out width][out channels]: the biases as a whole output row.
  let start: View<Float>
  /// Whether outputs that see only zeros are 0.
  public let isUnbiased: Bool
  private let rows, columns: View<ConvolutionRun>
  private let rowStarts, columnStarts: View<Int32>
  private let inWidth, inChannels, inPerGroup: Divisor
  /// The same weights as each output sees them, where its window is a stretch of the list.
  let windows: View<Float>?
  private let bias: View<Float>

  /// `weight` is [out channels][in channels / groups][kernel height][kernel width], row-major.
  /// Throws. `outOfMemory`; `limitExceeded` where offsets would not fit 31 bits.
  public init(weight: [Float], bias: [Float], geometry g: ConvolutionGeometry) throws(ArcuateError)
  {
    let window = g.kernelHeight * g.kernelWidth
    precondition(
      weight.count == g.outChannels * g.inPerGroup * window && bias.count == g.outChannels,
      "sizes agree")
    guard max(g.outputCount, g.inputCount, g.inChannels * window * g.outPerGroup) < 1 << 31 else {
      throw ArcuateError(.limitExceeded, "a convolution of more than 2^31 elements")
    }
    geometry = g
    (inWidth, inChannels, inPerGroup) = (
      Divisor(g.inWidth), Divisor(g.inChannels), Divisor(g.inPerGroup)
    )
    let columnOrder = ConvolutionWeights.columnOrder(g)
    let count = g.inChannels * window * g.outPerGroup
    values = try AlignedBuffer(byteCount: count * 4).view(start: 0, count: count)
    for out in 0..<g.outChannels {
      for i in 0..<g.inPerGroup {
        let channel = (out / g.outPerGroup) * g.inPerGroup + i
        for ky in 0..<g.kernelHeight {
          for kx in 0..<g.kernelWidth {
            let to = channel * window + ky * g.kernelWidth + columnOrder[kx]
            values[to * g.outPerGroup + out % g.outPerGroup] =
              weight[(out * g.inPerGroup + i) * window + ky * g.kernelWidth + kx]
          }
        }
      }
    }
    var row = [Float](repeating: 0, count: g.outputCount)
    for i in row.indices { row[i] = bias[i % g.outChannels] + 0 }
    start = try View.packed(row)
    isUnbiased = bias.allSatisfy { $0 == 0 }
    windows = try ConvolutionWeights.windows(weight, g)
    self.bias = try View.packed(bias.map { $0 + 0 } + [0])
    (rows, rowStarts) = try ConvolutionWeights.rowRuns(g)
    (columns, columnStarts) = try ConvolutionWeights.columnRuns(g, columnOrder)
  }

  /// Where each kernel column stands: by its remainder to the stride, then last first, which is
  /// the order of the outputs that see an input through them.
  private static func columnOrder(_ g: ConvolutionGeometry) -> [Int] {
    var order = [Int](repeating: 0, count: g.kernelWidth)
    var position = 0
    for phase in 0..<min(g.strideX, g.kernelWidth) {
      for kx in stride(from: phase, to: g.kernelWidth, by: g.strideX).reversed() {
        order[kx] = position
        position += 1
      }
    }
    return order
  }

  /// The outputs along one axis that see an input at `position`, and through which kernel element.
  private static func meetings(
    _ position: Int, pad: Int, kernel: Int, dilation: Int, stride: Int, outputs: Int
  ) -> [(k: Int, output: Int)] {
    (0..<kernel).compactMap { k in
      let t = position + pad - k * dilation
      return t >= 0 && t % stride == 0 && t / stride < outputs ? (k, t / stride) : nil
    }
  }

  private static func rowRuns(
    _ g: ConvolutionGeometry
  ) throws(ArcuateError) -> (View<ConvolutionRun>, View<Int32>) {
    try packed(
      (0..<g.inHeight).map { y in
        meetings(
          y, pad: g.padTop, kernel: g.kernelHeight, dilation: g.dilationY, stride: g.strideY,
          outputs: g.outHeight
        ).map { k, output in
          ConvolutionRun(
            weights: Int32(k * g.kernelWidth * g.outPerGroup),
            output: Int32(output * g.outWidth * g.outChannels), count: 0)
        }
      })
  }

  private static func columnRuns(
    _ g: ConvolutionGeometry, _ order: [Int]
  ) throws(ArcuateError) -> (View<ConvolutionRun>, View<Int32>) {
    let one = Int32(g.outPerGroup)
    return try packed(
      (0..<g.inWidth).map { x in
        var runs: [ConvolutionRun] = []
        let met = meetings(
          x, pad: g.padLeft, kernel: g.kernelWidth, dilation: g.dilationX, stride: g.strideX,
          outputs: g.outWidth)
        for (k, output) in met.sorted(by: { $0.output < $1.output }) {
          let run = ConvolutionRun(
            weights: Int32(order[k]) * one, output: Int32(output * g.outChannels), count: one)
          if let last = runs.last, last.weights + last.count == run.weights,
            last.output + last.count == run.output
          {
            runs[runs.count - 1].count += one
          } else {
            runs.append(run)
          }
        }
        return runs
      })
  }

  /// [kernel height][1 + kernel width + 1][in channels][out channels, padded to 16], the first and
  /// last column zero.
  private static func windows(_ weight: [Float], _ g: ConvolutionGeometry) throws(ArcuateError)
    -> View<Float>?
  {
    guard g.groups == 1, g.dilationX == 1, g.strideX == 1 else { return nil }
    let stride = channelStride(g)
    let width = g.kernelWidth + 2
    let count = g.kernelHeight * width * g.inChannels * stride
    let values = try AlignedBuffer(byteCount: count * 4).view(Float.self, start: 0, count: count)
    let window = g.kernelHeight * g.kernelWidth
    for out in 0..<g.outChannels {
      for i in 0..<g.inChannels {
        for k in 0..<window {
          let column = k / g.kernelWidth * width + k % g.kernelWidth + 1
          values[(column * g.inChannels + i) * stride + out] =
            weight[(out * g.inChannels + i) * window + k]
        }
      }
    }
    return values
  }

  private static func channelStride(_ g: ConvolutionGeometry) -> Int { (g.outChannels + 15) & ~15 }

  private static func packed(
    _ runs: [[ConvolutionRun]]
  ) throws(ArcuateError) -> (View<ConvolutionRun>, View<Int32>) {
    let all = Array(runs.joined())
    let view = try AlignedBuffer(byteCount: (all.count + 1) * MemoryLayout<ConvolutionRun>.stride)
      .view(ConvolutionRun.self, start: 0, count: all.count)
    for (i, run) in all.enumerated() { view[i] = run }
    let starts = try AlignedBuffer(byteCount: (runs.count + 1) * 4).view(
      Int32.self, start: 0, count: runs.count + 1)
    for (i, some) in runs.enumerated() { starts[i + 1] = starts[i] + Int32(some.count) }
    return (view, starts)
  }

  public var byteCount: Int {
    (values.count + start.count + rowStarts.count + columnStarts.count + bias.count
      + (windows?.count ?? 0)) * 4
      + (rows.count + columns.count) * MemoryLayout<ConvolutionRun>.stride
  }

  /// Whether there are sums by windows.
  public var hasWindows: Bool { windows != nil }

  /// Whether sums by windows are expected to cost less than by events.
  ///
  /// Counted in vector operations: by events an addition for each vector of outputs of an input, a
  /// load and a store for each four or fewer inputs of a pixel, and a start from the biases; by
  /// windows an addition, a few for each input an output sees, and some for each row of a window.
  @inline(__always)
  public func prefersWindows(_ nonzero: NonzeroCount) -> Bool {
    guard windows != nil else { return false }
    let g = geometry
    let lanes = cshims_uses_avx512() ? 16 : 8
    let vectors = (g.outChannels + lanes - 1) / lanes
    let pixels = g.outHeight * g.outWidth
    let density = Double(nonzero.count) / Double(g.inputCount)
    let seen = density * Double(g.kernelHeight * g.kernelWidth * g.inChannels * pixels)
    let together = min(4, max(1, density * Double(g.inChannels)))
    let byEvents =
      seen * Double(vectors) * (0.5 + 0.6 / together) + Double(start.count) / Double(lanes)
    let byWindows =
      seen * (Double(vectors) * 0.6 + 0.5) + Double(pixels * ((vectors + 3) / 4))
      * Double(g.kernelHeight * 5 + 10) / 2
    return byWindows < byEvents
  }

  /// output = bias + convolution of the non-zero inputs, by the strategy that is expected to cost less;
  /// returns whether that is by windows. Arrays are channel-last. Needs. As `applyWindows`.
  @inline(__always)
  public func apply(
    input: Row<Float>, list: Row<UInt32>, nonzero: NonzeroCount, output: Row<Float>,
    starts: Row<UInt32>
  ) -> Bool {
    guard prefersWindows(nonzero) else {
      applyEvents(input: input, list: list, nonzero: nonzero, output: output)
      return false
    }
    applyWindows(input: input, list: list, nonzero: nonzero, output: output, starts: starts)
    return true
  }

  /// The same by what each input adds to.
  @inline(__always)
  public func applyEvents(
    input: Row<Float>, list: Row<UInt32>, nonzero: NonzeroCount, output: Row<Float>
  ) {
    let sums = output.part(0, start.count)
    if isUnbiased { sums.fill(0) } else { sums.copy(from: start.row) }
    addEvents(input: input, list: list, nonzero: nonzero, to: output)
  }

  /// Adds the convolution of the non-zero inputs, without the bias, to what is there.
  @inline(__always)
  public func addEvents(
    input: Row<Float>, list: Row<UInt32>, nonzero: NonzeroCount, to output: Row<Float>
  ) {
    check(input, list, nonzero, output)
    // SAFETY: the list came from `findNonzero` over the input, so every index is inside it, and
    // the runs lead only to weights and outputs of the geometry.
    convolutionEvents(
      input: input.pointer, list: list.pointer, listCount: Int(nonzero.count),
      unit: nonzero.unit != 0, weights: values.pointer,
      runs: ConvolutionRuns(
        rows: rows.pointer, columns: columns.pointer, rowStarts: rowStarts.pointer,
        columnStarts: columnStarts.pointer, inWidth: inWidth, inChannels: inChannels,
        inChannelsPerGroup: inPerGroup,
        channelStride: geometry.kernelHeight * geometry.kernelWidth * geometry.outPerGroup,
        outputsPerGroup: geometry.outPerGroup), output: output.pointer)
  }

  /// The same by what each output sees. Needs. `windows`; `starts` has space for the input's pixels
  /// and one more.
  @inline(__always)
  public func applyWindows(
    input: Row<Float>, list: Row<UInt32>, nonzero: NonzeroCount, output: Row<Float>,
    starts: Row<UInt32>
  ) {
    guard sumWindows(input, list, nonzero, output, starts) else {
      return applyEvents(input: input, list: list, nonzero: nonzero, output: output)
    }
  }

  @inline(__always)
  private func sumWindows(
    _ input: Row<Float>, _ list: Row<UInt32>, _ nonzero: NonzeroCount, _ output: Row<Float>,
    _ starts: Row<UInt32>
  ) -> Bool {
    check(input, list, nonzero, output)
    precondition(
      starts.count > geometry.inHeight * geometry.inWidth && windows != nil,
      "buffer too small for the starts of the pixels")
    // SAFETY: as above; `windows` and `bias` are padded to whole vectors.
    return convolutionWindows(
      input: input.pointer, list: list.pointer, listCount: Int(nonzero.count),
      unit: nonzero.unit != 0, weights: windows!.pointer, bias: bias.pointer,
      windows: ConvolutionWindows(
        geometry: geometry, channelStride: ConvolutionWeights.channelStride(geometry),
        pixel: inChannels),
      starts: starts.pointer, output: output.pointer)
  }

  @inline(__always)
  private func check(
    _ input: Row<Float>, _ list: Row<UInt32>, _ nonzero: NonzeroCount, _ output: Row<Float>
  ) {
    precondition(
      input.count >= geometry.inputCount && list.count >= nonzero.count
        && output.count >= start.count, "buffer too small for the rows")
  }
}
