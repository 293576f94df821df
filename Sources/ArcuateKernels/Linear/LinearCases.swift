import ArcuateCore
import ArcuateKernelTypes

/// The cases of linear kernels, for each kind of weights.
enum LinearCases {
  static let all: [KernelCases] = WeightKind.allCases.flatMap { kind in
    [
      linearEvents(kind), linearShared(kind), linearMany(kind), linearTiles(kind),
      linearDense(kind, fused: false), linearDense(kind, fused: true),
    ]
  }

  /// Weights of one kind, [outputs][inputs].
  private static func weights(
    _ kind: WeightKind, _ outputs: Int, _ inputs: Int, _ draw: inout Draw
  ) throws(ArcuateError) -> Tensor {
    let shape = try Shape([outputs, inputs])
    let values = draw.values(outputs * inputs)
    switch kind {
    case .float32: return try Tensor(values, shape: shape)
    case .bfloat16:
      let halves = values.flatMap { value in
        [UInt8(value.bitPattern >> 16 & 0xFF), UInt8(value.bitPattern >> 24)]
      }
      return try Tensor(shape: shape, element: .bfloat16, bytes: Bytes(halves))
    case .int8:
      let bytes = values.map { UInt8(bitPattern: Int8($0 * 127)) }
      return try Tensor(
        shape: shape, element: .int8, bytes: Bytes(bytes),
        scales: inputs == 0 ? [] : draw.values(outputs))
    }
  }

  /// Two shares of the outputs, as threads would take.
  private static func shares(_ packed: LinearWeights) -> [(first: Int, count: Int)] {
    [0, 1].map { packed.share(of: $0, among: 2) }.filter { $0.count > 0 }
  }

  private static func linearEvents(_ kind: WeightKind) -> KernelCases {
    KernelCases(
      kernel: .linear(.events, kind),
      extents: [[0, 1, 2, 7, 16, 33, 130], tailSizes + [600], [0, 1]]
    ) { (extents, draw) throws(ArcuateError) in
      let (inputs, outputs, unit) = (extents[0], extents[1], extents[2] == 1)
      let x = unit ? draw.spikes(inputs, density: 0.4) : draw.values(inputs, density: 0.4)
      let weight = try weights(kind, outputs, inputs, &draw)
      let bias = draw.values(outputs)
      let packed = try LinearWeights(
        weight: weight, matrix: 0, bias: bias, inputs: inputs, outputs: outputs)
      let input = try View.packed(x + [0])
      let list = try scratch(UInt32.self, inputs + 16)
      let output = try scratch(Float.self, packed.stride)
      defer { withExtendedLifetime((input, list, output)) {} }
      let nonzero = findNonzero(input.row, count: inputs, list: list.row)
      for share in shares(packed) {
        packed.applyEvents(
          input: input.row, list: list.row, nonzero: nonzero, output: output.row,
          first: share.first, count: share.count)
      }
      return difference(output.row, Reference.linear(input: x, weight: weight, bias: bias))
    }
  }

  private static func linearShared(_ kind: WeightKind) -> KernelCases {
    KernelCases(
      kernel: .linear(.shared, kind),
      extents: [
        [0, 1, 33, 300], [1, 15, 16, 17, 64, 65, 81, 130, 600], [1, 2, 10, 40],
      ]
    ) { (extents, draw) throws(ArcuateError) in
      try spikeRows(kind, extents, &draw)
    }
  }

  private static func linearMany(_ kind: WeightKind) -> KernelCases {
    KernelCases(
      kernel: .linear(.many, kind),
      extents: [[1, 96, 97, 300], [1, 17, 64, 130, 600], [96, 112]]
    ) { (extents, draw) throws(ArcuateError) in
      try spikeRows(kind, extents, &draw)
    }
  }

  /// Where there are no tiles, the rows take the weights block by block.
  private static func linearTiles(_ kind: WeightKind) -> KernelCases {
    KernelCases(
      kernel: .linear(.tiles, kind),
      extents: [[1, 33, 65, 1100], [1, 17, 48, 130], [97, 144]]
    ) { (extents, draw) throws(ArcuateError) in
      try spikeRows(kind, extents, anyOrder: true, &draw)
    }
  }

  private static func spikeRows(
    _ kind: WeightKind, _ extents: [Int], anyOrder: Bool = false, _ draw: inout Draw
  ) throws(ArcuateError) -> String? {
    let (inputs, outputs, rows) = (extents[0], extents[1], extents[2])
    let weight = try weights(kind, outputs, inputs, &draw)
    let bias = draw.values(outputs)
    let packed = try LinearWeights(
      weight: weight, matrix: 0, bias: bias, inputs: inputs, outputs: outputs)
    let demands = SpikeRows.Demands(
      inputs: inputs, most: (rows + 15) & ~15, hasBytes: kind == .int8, anyOrder: anyOrder)
    let memory = try AlignedBuffer(byteCount: demands.byteCount)
    var spikes = SpikeRows(demands, memory: memory, start: 0)
    let output = try scratch(Float.self, rows * packed.stride)
    let lists = try scratch(UInt32.self, rows * (inputs + 1))
    defer { withExtendedLifetime((memory, output, lists)) {} }
    // Twice, since the second use must find nothing of the first.
    for _ in 0..<2 {
      let x = (0..<rows).map { r in draw.spikes(inputs, density: r == 1 ? 1 : 0.3) }
      for r in 0..<rows {
        let list = Reference.nonzeroList(x[r])
        for (e, index) in list.enumerated() { lists[r * inputs + e] = index }
        // The rows' positions need not be in order.
        spikes.add(
          listStart: r * inputs, count: list.count, offset: (rows - 1 - r) * packed.stride,
          owner: r)
      }
      let isExact = spikes.strategy(packed) != .tiles || kind == .int8
      spikes.batches(packed, lists: lists.row) { batch in
        for share in shares(packed) {
          batch.apply(
            packed, output: output.row, first: share.first, count: share.count, scratch: spikes)
        }
      }
      spikes.clear()
      for r in 0..<rows {
        let part = output.row.part((rows - 1 - r) * packed.stride, packed.stride)
        let expected = Reference.linear(input: x[r], weight: weight, bias: bias)
        // Each weight and bias is below 1, and so many of them are rounded at most as often.
        let terms = Float(x[r].reduce(0, +)) + 1
        let found =
          isExact
          ? difference(part, expected)
          : difference(part, expected, within: terms * terms * .ulpOfOne)
        if let found { return "row \(r): \(found)" }
      }
    }
    return nil
  }

  private static func linearDense(_ kind: WeightKind, fused: Bool) -> KernelCases {
    KernelCases(
      kernel: .linear(fused ? .denseFused : .dense, kind),
      extents: [[0, 1, 5, 17], tailSizes, [1, 2, 3, 4, 7]]
    ) { (extents, draw) throws(ArcuateError) in
      let (inputs, outputs, rows) = (extents[0], extents[1], extents[2])
      let weight = try weights(kind, outputs, inputs, &draw)
      let bias = draw.values(outputs)
      let packed = try LinearWeights(
        weight: weight, matrix: 0, bias: bias, inputs: inputs, outputs: outputs)
      let x = (0..<rows).map { _ in draw.values(inputs, density: 0.7) }
      let stride = (inputs + 15) & ~15
      let input = try scratch(Float.self, rows * stride + 16)
      for r in 0..<rows { for j in 0..<inputs { input[r * stride + j] = x[r][j] } }
      let output = try scratch(Float.self, rows * packed.stride)
      defer { withExtendedLifetime((input, output)) {} }
      packed.applyDense(
        input: input.row, inputStride: stride, rows: rows, output: output.row,
        outputStride: packed.stride, first: 0, count: packed.stride, fused: fused)
      for r in 0..<rows {
        let expected = Reference.linear(input: x[r], weight: weight, bias: bias, fused: fused)
        if let found = difference(output.row.part(r * packed.stride, packed.stride), expected) {
          return "row \(r): \(found)"
        }
      }
      return nil
    }
  }
}
