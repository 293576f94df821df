import ArcuateCore
import ArcuateKernelTypes

/// The comparisons of the kernels that go through listed connections.
enum SparseCases {
  static let all: [KernelCases] = [sparseRows, sparseRing]

  /// Weights of every type, with and without values, one tile and more, lists that are not aligned.
  static let sparseRows = KernelCases(
    kernel: .sparseRows,
    extents: [[0, 1, 7, 40], [1, 5, 100, 2048, 2049, 9000], [0, 1, 2], [0, 1]]
  ) { (extents, draw) throws(ArcuateError) in
    let sampled = try Sampled(extents, ring: 0, &draw)
    let expected = Reference.sparse(
      input: [sampled.x], connections: sampled.connections, outputs: sampled.outputs)[0]
    let output = try scratch(Float.self, sampled.outputs)
    defer { withExtendedLifetime((output, sampled)) {} }
    for tile in 0..<SparseWeights.tiles(sampled.outputs) {
      let size = SparseWeights.tile(sampled.outputs)
      let first = tile * size
      sampled.send { list, count, first0, values in
        sampled.weights.kernel.addRows(
          list, count: count, known: count, first: first0, values: values, tile: tile,
          sum: output.row.part(first, min(size, sampled.outputs - first)))
      }
    }
    return difference(output.row, expected)
  }

  static let sparseRing = KernelCases(
    kernel: .sparseRing, extents: [[0, 1, 7, 40], [1, 5, 100, 2049, 9000], [0, 1, 2], [0, 1]]
  ) { (extents, draw) throws(ArcuateError) in
    let ring = 8
    let sampled = try Sampled(extents, ring: ring, &draw)
    let silence = [Float](repeating: 0, count: sampled.x.count)
    let expected = Reference.sparse(
      input: [sampled.x] + [[Float]](repeating: silence, count: ring - 1),
      connections: sampled.connections, outputs: sampled.outputs)
    // Any step will do, also one at which the ring begins again.
    let step = UInt64(draw.uniform() * 1000) &+ UInt64(UInt32.max)
    for tile in 0..<SparseWeights.tiles(sampled.outputs) {
      let size = SparseWeights.tile(sampled.outputs)
      let stride = sampled.weights.kernel.ringStride
      let sums = try scratch(Float.self, ring * stride)
      defer { withExtendedLifetime(sums) {} }
      sampled.send { list, count, first, values in
        sampled.weights.kernel.addToRing(
          list, count: count, known: count, first: first, values: values, tile: tile, step: step,
          sums: sums.row)
      }
      let first = tile * size
      let width = min(size, sampled.outputs - first)
      for delay in 0..<ring {
        let row = Int((step &+ UInt64(delay)) & UInt64(ring - 1)) * stride
        let expected = Array(expected[delay][first..<first + width])
        if let found = difference(sums.row.part(row, width), expected) {
          return "delay \(delay), tile \(tile): \(found)"
        }
      }
    }
    return nil
  }

  /// Connections and an input.
  private struct Sampled {
    let outputs: Int
    let x: [Float]
    let unit: Bool
    let connections: [[Reference.Connection]]
    let weights: SparseWeights

    init(_ extents: [Int], ring: Int, _ draw: inout Draw) throws(ArcuateError) {
      let (inputs, outputs, kind) = (extents[0], extents[1], extents[2])
      unit = extents[3] == 1
      self.outputs = outputs
      x = unit ? draw.spikes(inputs, density: 0.4) : draw.values(inputs, density: 0.4)
      let scale: Float = 0.037
      var all: [[Reference.Connection]] = []
      var bytes: [UInt8] = []
      func append<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
      }
      for _ in 0..<inputs {
        var row: [Reference.Connection] = []
        for post in 0..<outputs where draw.uniform() < max(0.02, 3 / Float(outputs)) {
          // Now and then two connections lead to the same output.
          for _ in 0..<(draw.uniform() < 0.1 ? 2 : 1) {
            let w = draw.uniform() * 2 - 1
            let delay = ring > 0 ? Int(draw.uniform() * Float(ring)) : 0
            switch kind {
            case 0:
              append(w.bitPattern)
              row.append((post, delay, w))
            case 1:
              append(UInt16(w.bitPattern >> 16))
              row.append((post, delay, Float(bitPattern: w.bitPattern & 0xFFFF_0000)))
            default:
              append(Int8(w * 127))
              row.append((post, delay, Float(Int8(w * 127)) * scale))
            }
          }
        }
        all.append(row)
      }
      connections = all
      let (tiles, size) = (SparseWeights.tiles(outputs), SparseWeights.tile(outputs))
      let positions = try AlignedBuffer(byteCount: inputs * (tiles + 1) * 4).view(
        UInt32.self, start: 0, count: inputs * (tiles + 1))
      // A byte before each list keeps it from being aligned.
      var targets: [UInt8] = [0]
      var at = 0
      for (j, row) in all.enumerated() {
        for tile in 0...tiles {
          positions[j * (tiles + 1) + tile] = UInt32(
            at + row.filter { $0.post < tile * size }.count)
        }
        at += row.count
        for c in row {
          let target =
            ring > 0 ? c.delay << SparseWeights.tileBits(outputs) + c.post % size : c.post
          withUnsafeBytes(of: UInt32(target).littleEndian) { targets.append(contentsOf: $0) }
        }
      }
      weights = SparseWeights(
        inputs: inputs, outputs: outputs, positions: positions,
        targets: .mapped(try Bytes(targets).slice(1, targets.count - 1)),
        weights: .mapped(try Bytes([0] + bytes).slice(1, bytes.count)),
        element: [.float32, .bfloat16, .int8][kind], scale: scale, ring: ring)
    }

    /// Hands the input over in two lists, as two tiles of inputs would be.
    func send(_ body: (Row<UInt32>, Int, Int, Row<Float>) -> Void) {
      let values = try! View.packed(x + [0])
      let half = x.count / 2
      for (first, end) in [(0, half), (half, x.count)] {
        let list = try! AlignedBuffer(byteCount: 4 * x.count + 64).view(
          UInt32.self, start: 0, count: x.count + 16)
        let positions = (first..<end).filter { x[$0] != 0 }
        for (e, position) in positions.enumerated() { list[e] = UInt32(position - first) }
        body(list.row, positions.count, first, unit ? values.row.part(0, 0) : values.row)
        withExtendedLifetime(list) {}
      }
      withExtendedLifetime(values) {}
    }
  }
}
