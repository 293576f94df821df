import ArcuateCore

/// The narrow weights of a node, and their error.
struct NarrowWeight {
  /// Sums of squares over all weights, of the error and of the whole.
  struct Error {
    var error = 0.0
    var whole = 0.0
    /// The square root of their ratio.
    var relative: Double { whole > 0 ? (error / whole).squareRoot() : 0 }
  }

  let tensor: Tensor
  private(set) var weightError = Error()
  /// The error expected in the node's output; nil without calibration.
  private(set) var outputError: Error?
  /// The same with the scales of no calibration.
  private(set) var plainOutputError: Error?

  /// Unchanged weights.
  init(keeping weight: Tensor) { tensor = weight }

  /// Throws. `invalidModel` for scales of an int8 tensor that overflow.
  init(_ weight: Tensor, as element: Tensor.Element, moments: [[Double]]?) throws(ArcuateError) {
    if weight.element == element {
      tensor = weight
      if moments != nil { (outputError, plainOutputError) = (Error(), Error()) }
      return
    }
    let values = weight.floats
    for start in stride(from: 0, to: values.count, by: 1 << 20) {
      try Cancellation.check()
      guard values[start..<min(start + 1 << 20, values.count)].allSatisfy(\.isFinite) else {
        throw ArcuateError(.invalidModel, "the weight times its scale is not finite")
      }
    }
    let channels = weight.shape.extents.first ?? 1
    let inner = values.count / max(1, channels)
    /// Calls `body` with the weights of each channel and the mean squares of their inputs.
    func each(_ body: (Range<Int>, [Double]?) -> Void) throws(ArcuateError) {
      for channel in 0..<channels {
        try Cancellation.check()
        let group = moments.map { $0[channel / max(1, channels / max(1, $0.count))] }
        body(channel * inner..<(channel + 1) * inner, group)
      }
    }
    var plain: Tensor?
    switch element {
    case .int8:
      let search = ChannelScales(weights: values)
      var (scales, plainScales): ([Float], [Float]) = ([], [])
      try each { range, moments in
        plainScales.append(ChannelScales.plain(values[range]))
        scales.append(moments.map { search.calibrated(range, $0) } ?? plainScales.last!)
      }
      tensor = try Tensor(int8: values, shape: weight.shape, scales: scales)
      if moments != nil {
        plain = try Tensor(int8: values, shape: weight.shape, scales: plainScales)
      }
    case .bfloat16, .float32:
      tensor = try Tensor(bfloat16: values, shape: weight.shape)
    }

    let narrow = tensor.floats
    let uncalibrated = plain?.floats ?? narrow
    var (onWeights, onOutput, onPlain) = (Error(), Error(), Error())
    try each { range, moments in
      for i in range {
        let weight = Double(values[i])
        let error = Double(values[i] - narrow[i])
        onWeights.error += error * error
        onWeights.whole += weight * weight
        guard let moment = moments?[i - range.lowerBound] else { continue }
        onOutput.error += moment * error * error
        onOutput.whole += moment * weight * weight
        let other = Double(values[i] - uncalibrated[i])
        onPlain.error += moment * other * other
      }
    }
    weightError = onWeights
    if moments != nil {
      onPlain.whole = onOutput.whole
      (outputError, plainOutputError) = (onOutput, onPlain)
    }
  }
}

extension Tensor {
  /// `values` as int8 by the scale of their index on the first axis, clipped to -127 ... 127.
  init(int8 values: [Float], shape: Shape, scales: [Float]) throws(ArcuateError) {
    let inner = values.count / max(1, scales.count)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count)
    for (i, value) in values.enumerated() {
      if i & 0xF_FFFF == 0 { try Cancellation.check() }
      let q = ChannelScales.rounded(value, scales[i / max(1, inner)])
      bytes.append(UInt8(bitPattern: Int8(q)))
    }
    try self.init(shape: shape, element: .int8, bytes: Bytes(bytes), scales: scales)
  }

  /// `values` as bfloat16, to nearest, ties to even; beyond its range the largest finite number.
  init(bfloat16 values: [Float], shape: Shape) throws(ArcuateError) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(2 * values.count)
    for (i, value) in values.enumerated() {
      if i & 0xF_FFFF == 0 { try Cancellation.check() }
      let bits = value.bitPattern
      var half = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
      // Rounded up to infinity.
      if half & 0x7FFF == 0x7F80 { half &-= 1 }
      bytes.append(UInt8(truncatingIfNeeded: half))
      bytes.append(UInt8(truncatingIfNeeded: half >> 8))
    }
    try self.init(shape: shape, element: .bfloat16, bytes: Bytes(bytes))
  }
}
