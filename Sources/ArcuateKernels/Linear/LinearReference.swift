import ArcuateCore
import ArcuateKernelTypes

extension Reference {
  /// y[o] = bias[o] + sum over ascending j of weight[o][j] x[j]; zeros of x are skipped, which
  /// cannot change a bit (see `LinearWeights`). With `fused` they are not, and each product is
  /// added with one rounding. With int8 weights the sum is that of the integers, times a scale.
  public static func linear(
    input x: [Float], weight: Tensor, bias: [Float], fused: Bool = false
  ) -> [Float] {
    let isScaled = weight.element == .int8
    let numbers =
      isScaled ? weight.bytes.array.map { Float(Int8(bitPattern: $0)) } : weight.floats
    return bias.indices.map { o in
      var sum = isScaled ? 0 : bias[o] + 0
      for j in x.indices {
        let w = numbers[o * x.count + j]
        if fused {
          sum = sum.addingProduct(w, x[j])
        } else if x[j] != 0 {
          sum += w * x[j]
        }
      }
      guard isScaled, !x.isEmpty else { return isScaled ? bias[o] + 0 : sum }
      let product = weight.scale(at: o * x.count) * sum
      return bias[o] + 0 + product
    }
  }

  /// The indices of the elements that are not zero, ascending.
  public static func nonzeroList(_ x: [Float]) -> [UInt32] {
    x.indices.filter { x[$0] != 0 }.map { UInt32($0) }
  }
}
