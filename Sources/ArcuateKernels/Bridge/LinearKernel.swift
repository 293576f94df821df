import ArcuateCore
import ArcuateMicrokernels

/// Weights packed for the linear kernels: one padded row of outputs for each input.
public struct LinearWeights: Sendable {
  public let inputs: Int
  public let outputs: Int
  /// Outputs rounded up to a multiple of 16.
  public let stride: Int
  /// [inputs][stride]
  public let values: View<Float>
  /// [stride]
  public let bias: View<Float>

  /// `weight` is [outputs][inputs], row-major. Throws. `outOfMemory`.
  public init(weight: [Float], bias: [Float], inputs: Int, outputs: Int) throws {
    precondition(weight.count == inputs * outputs && bias.count == outputs, "sizes agree")
    self.inputs = inputs
    self.outputs = outputs
    stride = (outputs + 15) & ~15
    let buffer = try AlignedBuffer(byteCount: inputs * stride * 4)
    values = buffer.view(start: 0, count: inputs * stride)
    // + 0 turns a negative zero into a positive one: a sum that starts at +0 can never become -0,
    // which keeps the event-driven and the dense sum equal to the bit.
    self.bias = try View.packed(bias.map { $0 + 0 })
    let target = values.pointer
    weight.withUnsafeBufferPointer { weight in
      // Blocks of a cache line each way, so that no line is fetched twice.
      for o0 in Swift.stride(from: 0, to: outputs, by: 16) {
        let oEnd = min(o0 + 16, outputs)
        for j in 0..<inputs {
          // SAFETY: o < outputs and j < inputs, and both sides hold as many.
          for o in o0..<oEnd {
            target[j &* stride &+ o] = weight.baseAddress.unsafelyUnwrapped[o &* inputs &+ j]
          }
        }
      }
    }
  }

  /// How many weights of each input are not zero.
  public func nonzeroPerInput() -> [UInt32] {
    (0..<inputs).map { j in
      var count: UInt32 = 0
      // SAFETY: a row has `stride` values; those beyond the outputs are zero.
      let row = values.pointer + j * stride
      for o in 0..<stride { count &+= row[o] == 0 ? 0 : 1 }
      return count
    }
  }

  /// Bytes of weights and biases.
  public var byteCount: Int { (values.count + bias.count) * 4 }
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
  precondition(row.count >= (count + 15) & ~15 && list.count >= count, "room for the row")
  // SAFETY: the row is padded to 16 and the list has room for every index.
  let found = nonzeroList(row.pointer, count: count, list: list.pointer)
  return NonzeroCount(count: found.count, unit: found.unit)
}

extension LinearWeights {
  /// output = bias + W input over the outputs first ..< first + count, by the list of non-zeros.
  @inline(__always)
  public func applyEvents(
    input: Row<Float>, list: Row<UInt32>, nonzero: NonzeroCount, output: Row<Float>,
    first: Int, count: Int
  ) {
    checkOutputs(output, first, count)
    precondition(input.count >= inputs && list.count >= nonzero.count, "room for the input")
    // SAFETY: checked above; the list came from `findNonzero`, so its indices are below `inputs`.
    linearEvents(
      input: input.pointer, list: list.pointer, listCount: Int(nonzero.count),
      unit: nonzero.unit != 0, weights: values.pointer, stride: stride, bias: bias.pointer,
      output: output.pointer, first: first, count: count)
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
        input: x.pointer, xStride: inputStride, inputs: inputs, rows: n, weights: values.pointer,
        stride: stride, bias: bias.pointer, output: y.pointer, yStride: outputStride,
        first: first, count: count, fused: fused)
      r += n
    }
  }

  @inline(__always)
  private func checkOutputs(_ output: Row<Float>, _ first: Int, _ count: Int) {
    precondition(
      first >= 0 && first & 15 == 0 && count & 15 == 0 && first + count <= stride
        && output.count >= stride, "a tile of outputs inside the row")
  }
}
