import ArcuateCore
import ArcuateKernelTypes
import CShims

extension WeightKind {
  public init(_ element: Tensor.Element) {
    switch element {
    case .float32: self = .float32
    case .bfloat16: self = .bfloat16
    case .int8: self = .int8
    }
  }
}

/// Weights packed for the linear kernels: one padded row of outputs for each input, in the element
/// type that the tensor has.
///
/// A class, so that handing it to a kernel counts no owners of its parts.
/// Numbers. With int8 the sum is made of the integers and multiplied once by the output's scale:
/// y = bias + scale * sum.
public final class LinearWeights: Sendable {
  public let inputs: Int
  public let outputs: Int
  public let kind: WeightKind
  /// Outputs rounded up to a multiple of 16: the elements of an output row.
  public let stride: Int
  /// Bytes from one row of weights to the next, a multiple of 64.
  public let rowBytes: Int
  /// [inputs][rowBytes]
  let values: View<UInt8>
  /// [stride], padded to 32, and the same for the scales of int8 weights.
  let bias: View<Float>
  let scale: View<Float>
  /// For the kernels.
  // SAFETY: points into the three above, which live as long and do not change.
  nonisolated(unsafe) let matrix: WeightMatrix
  /// How many weights of each input are not zero.
  public let nonzeroPerInput: [UInt32]

  /// Weights beyond this many bytes are not expected in the second-level cache, which has a megabyte
  /// or more beside wide registers.
  static var nearByteCount: Int { cshims_uses_avx512() ? 768 << 10 : 384 << 10 }

  /// The `matrix`-th [outputs][inputs] part of `weight`. Throws. `outOfMemory`.
  public init(weight: Tensor, matrix: Int, bias: [Float], inputs: Int, outputs: Int)
    throws(ArcuateError)
  {
    let skipped = matrix * inputs * outputs
    precondition(
      matrix >= 0 && skipped + inputs * outputs <= weight.count && bias.count == outputs,
      "sizes agree")
    self.inputs = inputs
    self.outputs = outputs
    kind = WeightKind(weight.element)
    stride = (outputs + 15) & ~15
    // Int8 rows are read in panels: an odd number of cache lines spreads these over a whole cache.
    let lines = (stride * kind.byteCount + 63) / 64
    rowBytes = (kind == .int8 && lines > 8 ? lines | 1 : lines) * 64
    // Packing writes every byte.
    values = try AlignedBuffer(byteCount: inputs * rowBytes, isZeroed: false).view(
      start: 0, count: inputs * rowBytes)
    // + 0 turns a negative zero into a positive one: a sum that starts at +0 can never become -0,
    // which keeps the event-driven and the dense sum equal to the bit.
    let padded = (outputs + 31) & ~31
    func spread(_ numbers: [Float]) throws(ArcuateError) -> View<Float> {
      try View.packed(numbers + [Float](repeating: 0, count: padded - numbers.count))
    }
    self.bias = try spread(bias.map { $0 + 0 })
    scale = try spread(
      kind == .int8 ? (0..<outputs).map { weight.scale(at: skipped + $0 * inputs) } : [])
    // SAFETY: this object keeps the three views that the matrix points into.
    self.matrix = WeightMatrix(
      kind: kind, rows: UnsafeRawPointer(values.pointer), rowBytes: rowBytes,
      bias: self.bias.pointer,
      scale: scale.pointer, isFar: inputs * rowBytes > LinearWeights.nearByteCount)
    let packing = Packing(
      weight: weight, skipped: skipped, inputs: inputs, outputs: outputs,
      target: UnsafeMutableRawPointer(values.pointer), rowBytes: rowBytes)
    nonzeroPerInput =
      switch kind {
      case .float32: try packing.run(zero: UInt32(0), magnitude: 0x7FFF_FFFF)
      case .bfloat16: try packing.run(zero: UInt16(0), magnitude: 0x7FFF)
      case .int8: try packing.run(zero: UInt8(128), magnitude: 0xFF)
      }
  }

  /// Whether rows of spikes are better multiplied together: where weights come from far away, or
  /// where sums of bytes stay in registers anyway.
  public var gainsFromMeeting: Bool {
    values.count > 2 * LinearWeights.nearByteCount || kind == .int8
  }

  /// Bytes of weights, biases and scales.
  public var byteCount: Int { values.count + (bias.count + scale.count) * 4 }
}

/// Transposes [outputs][inputs] into rows of outputs.
private struct Packing {
  let weight: Tensor
  let skipped: Int
  let inputs: Int
  let outputs: Int
  // SAFETY: has `inputs` rows of `rowBytes`, a multiple of 64 with space for `outputs`.
  let target: UnsafeMutableRawPointer
  let rowBytes: Int

  /// Writes each weight plus `zero`, and `zero` beyond the outputs. Returns for each input the
  /// number of weights with a magnitude, that is, with a bit of `magnitude`. Throws. `canceled`.
  @inline(__always)
  func run<T: FixedWidthInteger & BitwiseCopyable>(
    zero: T, magnitude: T
  ) throws(ArcuateError) -> [UInt32] {
    var isCanceled = false
    var counts = [UInt32](repeating: 0, count: inputs)
    let size = MemoryLayout<T>.size
    // Squares as wide as a cache line are transposed in a separate buffer, because rows a power of
    // two apart would evict each other from the cache. Four squares lie side by side, so each write
    // to memory covers four lines of a row.
    let wide = 64 / size
    let lines = 4
    weight.bytes.withUnsafeBytes { raw in
      guard let start = raw.baseAddress, inputs > 0, outputs > 0 else { return }
      let source = start + skipped &* size
      // SAFETY: squares of 64 bytes by `wide` lines, all of them within the buffer of `lines` squares.
      withUnsafeTemporaryAllocation(byteCount: 64 * wide * lines, alignment: 64) { scratch in
        counts.withUnsafeMutableBufferPointer { counts in
          let counts = counts.baseAddress.unsafelyUnwrapped
          let scratch = scratch.baseAddress.unsafelyUnwrapped
          for first in stride(from: 0, to: rowBytes / size, by: wide * lines) {
            isCanceled = isCanceled || Cancellation.watched?.poll() == true
            if isCanceled { break }
            let squares = min(lines, (rowBytes / size &- first) / wide)
            for j0 in stride(from: 0, to: inputs, by: wide) {
              let across = min(wide, inputs &- j0)
              for n in 0..<squares {
                let o0 = first &+ n &* wide
                // SAFETY: the tensor holds `here` outputs from o0 on of `across` inputs; the scratch is
                // `lines` squares of `wide` elements.
                fill(
                  scratch + 64 &* wide &* n, of: T.self, zero,
                  from: source + (o0 &* inputs &+ j0) &* size,
                  outputs: max(0, min(wide, outputs &- o0)), inputs: across,
                  magnitude: magnitude, counts: counts + j0)
              }
              for j in 0..<across {
                let to = target + ((j0 &+ j) &* rowBytes &+ first &* size)
                for n in 0..<squares {
                  cshims_stream_line(scratch + 64 &* (wide &* n &+ j), to + 64 &* n)
                }
              }
            }
            let end = min(first &+ wide &* lines, outputs)
            if end > first {
              weight.bytes.evict(
                (skipped &+ first &* inputs) &* size..<(skipped &+ end &* inputs) &* size)
            }
          }
        }
      }
    }
    // Pages that were read together with their neighbors.
    weight.bytes.evict(skipped * size..<(skipped + inputs * outputs) * size)
    cshims_fence()
    if isCanceled { throw Cancellation.canceled }
    return counts
  }

  /// Transposes the weights of some outputs and inputs into a line of outputs for each input, adds
  /// `zero` and pads with it, and counts the weights of each input that have a magnitude.
  @inline(__always)
  private func fill<T: FixedWidthInteger & BitwiseCopyable>(
    _ square: UnsafeMutableRawPointer, of _: T.Type, _ zero: T, from source: UnsafeRawPointer,
    outputs: Int, inputs across: Int, magnitude: T, counts: UnsafeMutablePointer<UInt32>
  ) {
    let size = MemoryLayout<T>.size
    let wide = 64 / size
    // SAFETY: the square is scratch of the caller, of `wide` by `wide` elements of this size.
    let turned = square.assumingMemoryBound(to: T.self)
    if outputs == wide && across == wide {
      turn(size, source, inputs &* size, square)
      if zero != 0 { for k in 0..<wide &* wide { turned[k] &+= zero } }
    } else {
      for o in 0..<outputs {
        let row = source + o &* inputs &* size
        for j in 0..<across {
          turned[j &* wide &+ o] = row.loadUnaligned(fromByteOffset: j &* size, as: T.self) &+ zero
        }
      }
      for j in 0..<across { for o in outputs..<wide { turned[j &* wide &+ o] = zero } }
    }
    // A loop of its own, which the compiler turns into vectors.
    for o in 0..<outputs {
      let row = source + o &* inputs &* size
      for j in 0..<across {
        let value = row.loadUnaligned(fromByteOffset: j &* size, as: T.self)
        counts[j] &+= value & magnitude == 0 ? 0 : 1
      }
    }
  }
}

/// Turns a square of 64 bytes of as many rows, `stride` bytes apart, into lines of 64 bytes.
@inline(__always)
private func turn(
  _ size: Int, _ source: UnsafeRawPointer, _ stride: Int, _ square: UnsafeMutableRawPointer
) {
  // Sixteen bytes of as many rows as they have elements; a few rows at a time, since those a power of
  // two apart push each other out of the cache.
  let some = 16 / size
  for k in 0..<4 {
    let i = k &* some
    for j in 0..<4 {
      let from = source + (i &* stride &+ 16 &* j)
      let to = square + (64 &* some &* j &+ i &* size)
      switch size {
      case 4: cshims_turn4(from, stride, to, 64)
      case 2: cshims_turn2(from, stride, to, 64)
      default: cshims_turn1(from, stride, to, 64)
      }
    }
  }
}

/// What is known about the non-zero elements of one row.
public struct NonzeroCount: BitwiseCopyable, Sendable {
  public var count: Int32
  /// 1 if every non-zero element is exactly 1.
  public var unit: Int32
  public init(count: Int, unit: Bool) {
    self.count = Int32(count)
    self.unit = unit ? 1 : 0
  }
}

/// Fills `list` with the ascending indices of the non-zero elements among the first `count` of `row`.
@inline(__always)
public func findNonzero(_ row: Row<Float>, count: Int, list: Row<UInt32>) -> NonzeroCount {
  let padded = (count + 15) & ~15
  precondition(row.count >= padded && list.count >= padded, "buffer too small for the row")
  // SAFETY: the row and the list are padded to 16.
  let found = nonzeroList(row.pointer, count: count, list: list.pointer)
  return NonzeroCount(count: found.count, unit: found.unit)
}

/// Checks a caller's row and keeps where it is not zero as bits, sixteen in each of `masks`: whether
/// all of it is finite, and whether what is not zero is exactly 1.
@inline(__always)
public func maskNonzero(
  _ numbers: UnsafeBufferPointer<Float>, masks: Row<UInt16>
) -> (finite: Bool, unit: Bool) {
  precondition(masks.count * 16 >= numbers.count, "buffer too small for the masks")
  guard let base = numbers.baseAddress else { return (true, true) }
  // SAFETY: checked above.
  return nonzeroMasks(base, count: numbers.count, masks: masks.pointer)
}

/// Fills `list` with the ascending positions of the bits of `masks`, those of a row of `count` elements
/// that are 0 or 1.
@inline(__always)
public func findNonzero(masks: Row<UInt16>, count: Int, list: Row<UInt32>) -> NonzeroCount {
  precondition(
    masks.count * 16 >= count && list.count >= (count + 15) & ~15, "buffer too small for the row")
  // SAFETY: checked above.
  return NonzeroCount(
    count: listMasks(masks.pointer, count: count, list: list.pointer), unit: true)
}

extension LinearWeights {
  /// output = bias + W input over the outputs first ..< first + count, by the list of non-zeros.
  @inline(__always)
  public func applyEvents(
    input: Row<Float>, list: Row<UInt32>, nonzero: NonzeroCount, output: Row<Float>,
    first: Int, count: Int
  ) {
    checkOutputs(output, first, count)
    precondition(
      input.count >= inputs && list.count >= nonzero.count, "buffer too small for the input")
    // SAFETY: checked above; the list came from `findNonzero`, so its indices are below `inputs`.
    linearEvents(
      input: input.pointer, list: list.pointer, listCount: Int(nonzero.count),
      unit: nonzero.unit != 0, weights: matrix, output: output.pointer, first: first, count: count)
  }

  /// The same over every input, for `rows` consecutive rows of input and output.
  @inline(__always)
  public func applyDense(
    input: Row<Float>, inputStride: Int, rows: Int, output: Row<Float>, outputStride: Int,
    first: Int, count: Int, fused: Bool
  ) {
    var r = 0
    while r < rows {
      let n = min(4, rows - r)
      let x = input.part(r * inputStride, (n - 1) * inputStride + inputs)
      let y = output.part(r * outputStride, (n - 1) * outputStride + stride)
      checkOutputs(y, first, count)
      // SAFETY: the parts hold every row that is read and written.
      linearDense(
        input: x.pointer, xStride: inputStride, inputs: inputs, rows: n, weights: matrix,
        output: y.pointer, yStride: outputStride, first: first, count: count, fused: fused)
      r += n
    }
  }

  @inline(__always)
  func checkOutputs(_ output: Row<Float>, _ first: Int, _ count: Int) {
    checkOutputs(first, count)
    precondition(output.count >= stride, "buffer too small for the output")
  }

  /// Outputs are shared out in multiples of a cache line of the narrowest weights.
  @inline(__always)
  func checkOutputs(_ first: Int, _ count: Int) {
    precondition(
      first >= 0 && first & 63 == 0 && count & 15 == 0 && first + count <= stride,
      "a tile of outputs inside the row")
  }

  /// The outputs of one of `workers` workers.
  public func share(of worker: Int, among workers: Int) -> (first: Int, count: Int) {
    let tiles = (stride + 63) / 64
    let first = min(tiles * worker / workers * 64, stride)
    return (first, min(tiles * (worker + 1) / workers * 64, stride) - first)
  }
}
