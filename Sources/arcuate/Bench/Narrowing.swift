import Arcuate

extension Model {
  /// The same network with the weights of its linear layers and convolutions in a narrower type.
  ///
  /// Numbers. int8: one scale for each output, the largest magnitude over 127; bfloat16: rounded to
  /// nearest, ties to even.
  func narrowed(to element: Tensor.Element) throws -> Model {
    var model = self
    for i in model.nodes.indices {
      switch model.nodes[i].op {
      case .linear(var linear):
        linear.weight = try linear.weight.narrowed(to: element)
        model.nodes[i].op = .linear(linear)
      case .convolution(var convolution):
        convolution.weight = try convolution.weight.narrowed(to: element)
        model.nodes[i].op = .convolution(convolution)
      default: break
      }
    }
    return model
  }
}

extension Tensor {
  /// Needs. A rank above 0; finite elements.
  func narrowed(to element: Element) throws -> Tensor {
    let values = floats
    switch element {
    case .float32: return self
    case .bfloat16:
      var bytes: [UInt8] = []
      bytes.reserveCapacity(2 * values.count)
      for value in values {
        let bits = value.bitPattern
        let rounded = (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16
        bytes.append(UInt8(truncatingIfNeeded: rounded))
        bytes.append(UInt8(truncatingIfNeeded: rounded >> 8))
      }
      return try Tensor(shape: shape, element: .bfloat16, bytes: Bytes(bytes))
    case .int8:
      let inner = count / max(1, shape[0])
      var bytes: [UInt8] = []
      bytes.reserveCapacity(values.count)
      var scales: [Float] = []
      for row in 0..<shape[0] {
        let values = values[row * inner..<(row + 1) * inner]
        let largest = values.reduce(0) { max($0, abs($1)) }
        let scale = largest > 0 ? largest / 127 : 1
        scales.append(scale)
        for value in values {
          bytes.append(UInt8(bitPattern: Int8(min(max((value / scale).rounded(), -127), 127))))
        }
      }
      return try Tensor(shape: shape, element: .int8, bytes: Bytes(bytes), scales: scales)
    }
  }
}
