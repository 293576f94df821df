import ArcuateCore
import ArcuateKernelTypes

/// The cases of the kernels that only training needs.
enum GradientCases {
  static let all: [KernelCases] = [matrixProduct, gatherSums, neuronRecord, neuronSweep]

  /// Matrices and transposed matrices, with and without accumulation, with sizes around those of
  /// blocks.
  static let matrixProduct = KernelCases(
    kernel: .matrixProduct,
    extents: [
      [1, 5, 6, 7, 121], [1, 15, 16, 17, 33], [0, 1, 9, 256, 257], [0, 1, 2, 3], [0, 1],
    ]
  ) { (extents, draw) throws(ArcuateError) in
    let (m, n, k) = (extents[0], extents[1], extents[2])
    let (first, second) = (extents[3] & 1 == 1, extents[3] & 2 == 2)
    let adds = extents[4] == 1
    let a = draw.values(m * k)
    let b = draw.values(k * n)
    let c = draw.values(m * n)
    let views = try [a, b, c].map { x throws(ArcuateError) in try View.packed(x + [0]) }
    defer { withExtendedLifetime(views) {} }
    // A transposed matrix has its columns' elements side by side.
    let left = Matrix(
      views[0].row, rows: m, columns: k, rowStride: first ? 1 : k, columnStride: first ? m : 1)
    let right = Matrix(
      views[1].row, rows: k, columns: n, rowStride: second ? 1 : n, columnStride: second ? k : 1)
    let result = Matrix(views[2].row, rows: m, columns: n, rowStride: n)
    try MatrixProduct().multiply(left, right, into: result, adds: adds)
    var expected = [Float](repeating: 0, count: m * n)
    for i in 0..<m {
      for j in 0..<n {
        var total: Float = adds ? c[i * n + j] : 0
        for block in stride(from: 0, to: k, by: 256) {
          var sum: Float = 0
          for q in block..<min(k, block + 256) {
            sum = sum.addingProduct(
              first ? a[q * m + i] : a[i * k + q], second ? b[j * k + q] : b[q * n + j])
          }
          total = block == 0 && !adds ? sum : total + sum
        }
        expected[i * n + j] = total
      }
    }
    return difference(views[2].row, expected)
  }

  /// Lists by row and by column, of ones and of values, in one block and several.
  static let gatherSums = KernelCases(
    kernel: .gatherSums,
    extents: [[1, 7, 200], [1, 16, 63, 64, 65, 144], [1, 5, 97, 200], [0, 1], [0, 1], [0, 1]]
  ) { (extents, draw) throws(ArcuateError) in
    let (lists, width, indices) = (extents[0], extents[1], extents[2])
    let (unit, byColumn, isBlocked) = (extents[3] == 1, extents[4] == 1, extents[5] == 1)
    // The values that are listed: [rows][columns], by row or by column.
    let (rows, columns) = byColumn ? (indices, lists) : (lists, indices)
    let x =
      unit ? draw.spikes(rows * columns, density: 0.3) : draw.values(rows * columns, density: 0.3)
    let pitch = (columns + 15) & ~15
    let padded = try scratch(Float.self, rows * pitch)
    for r in 0..<rows { for c in 0..<columns { padded[r * pitch + c] = x[r * columns + c] } }
    let listMemory = try scratch(UInt32.self, rows * pitch + 16)
    let countMemory = try scratch(Int32.self, rows)
    defer { withExtendedLifetime((padded, listMemory, countMemory)) {} }
    let owned = RowLists(
      lists: listMemory.row, counts: countMemory.row, stride: pitch, columns: columns)
    if owned.list(padded.row, range: 0..<rows) != x.allSatisfy({ $0 == 0 || $0 == 1 }) {
      return "whether everything is 1"
    }
    let size = isBlocked ? BlockedLists.nearby : indices
    let blocks = (indices + size - 1) / size
    let entries = try scratch(UInt32.self, rows * columns + 1)
    let values = try scratch(Float.self, unit ? 0 : rows * columns + 1)
    let starts = try scratch(UInt32.self, lists * blocks + 1)
    defer { withExtendedLifetime((entries, values, starts)) {} }
    let blocked = BlockedLists(
      entries: entries.row, values: unit ? values.row.part(0, 0) : values.row, starts: starts.row,
      rows: lists, blocks: blocks,
      size: size)
    if byColumn {
      blocked.countColumns(owned, count: rows, blocks: 0..<blocks)
      blocked.computeOffsets(isEnds: true)
      blocked.fillColumns(owned, count: rows, blocks: 0..<blocks, x: padded.row)
    } else {
      blocked.countRows(owned, 0..<rows, base: 0)
      blocked.computeOffsets(isEnds: false)
      blocked.fillRows(owned, 0..<rows, base: 0, x: padded.row)
    }
    let stride = (width + 15) & ~15
    let source = draw.values(indices * stride)
    let start = draw.values(stride)
    let sourceView = try View.packed(source)
    let startView = try View.packed(start)
    let output = try scratch(Float.self, lists * stride)
    defer { withExtendedLifetime((sourceView, startView, output)) {} }
    blocked.gather(
      source: sourceView.row, sourceStride: stride, sourceRows: indices, range: 0..<lists,
      start: startView.row, y: output.row, yStride: stride, width: width)
    var expected = [Float](repeating: 0, count: lists * stride)
    for r in 0..<lists {
      for j in 0..<stride {
        var sum = start[j]
        for k in 0..<indices {
          let value = byColumn ? x[k * columns + r] : x[r * columns + k]
          if value != 0 { sum += unit ? source[k * stride + j] : source[k * stride + j] * value }
        }
        expected[r * stride + j] = sum
      }
    }
    return difference(output.row, expected)
  }

  static let neuronRecord = KernelCases(
    kernel: .neuronRecord, extents: [[1, 16, 19], [0, 1], Array(0..<128)]
  ) { (extents, draw) throws(ArcuateError) in
    try TapeCase(extents, &draw).difference(swept: nil)
  }

  static let neuronSweep = KernelCases(
    kernel: .neuronSweep, extents: [[3, 16, 19], [0, 1], Array(0..<128), [0, 1, 2, 3], [0, 1]]
  ) { (extents, draw) throws(ArcuateError) in
    let surrogate: SurrogateShape =
      switch extents[3] {
      case 0: SurrogateShape(kind: .box, a: 0.4, b: 0.9)
      case 1: SurrogateShape(kind: .triangle, a: 0.8, b: 0.7)
      case 2: SurrogateShape(kind: .fastSigmoid, a: 5)
      default: SurrogateShape(kind: .arctan, a: 2)
      }
    return try TapeCase(extents, &draw).difference(
      swept: (surrogate: surrogate, throughReset: extents[4] == 1))
  }

  /// A layer over four steps, forward and back.
  private struct TapeCase {
    let count, steps: Int
    let layer: NeuronLayer
    let numbers: [NeuronTapeReference.Coefficients]
    let x, emitted: [[Float]]

    init(_ extents: [Int], _ draw: inout Draw) throws(ArcuateError) {
      count = extents[0]
      steps = 4
      let uniform = extents[1] == 0
      // Bits 8 and above (late spikes, several, clamping) and residual resets are not recorded.
      let flags = NeuronFlags(rawValue: UInt32(extents[2])).subtracting(.residual)
      func parameter(_ low: Float, _ high: Float) -> [Float] {
        (0..<(uniform ? 1 : extents[0])).map { _ in low + (high - low) * draw.uniform() }
      }
      let p: [[Float]] = [
        parameter(0.5, 0.9), parameter(0.5, 1.5), parameter(0.6, 1), parameter(0.5, 1),
        parameter(-0.1, 0.1), parameter(0.3, 1), parameter(-0.2, 0.2),
      ]
      layer = try NeuronLayer(
        count: count, flags: flags, currentDecay: p[0], currentGain: p[1], decay: p[2], gain: p[3],
        offset: p[4], threshold: p[5], resetValue: p[6])
      numbers = (0..<count).map { n in
        func at(_ k: Int) -> Float { p[k][uniform ? 0 : n] }
        return .init(
          currentDecay: at(0), currentGain: at(1), decay: at(2), gain: at(3), offset: at(4),
          threshold: at(5), resetValue: at(6))
      }
      x = (0..<4).map { _ in draw.values(extents[0]).map { $0 * 2 } }
      emitted = (0..<4).map { _ in draw.values(extents[0]) }
    }

    func difference(swept: (surrogate: SurrogateShape, throughReset: Bool)?) throws(ArcuateError)
      -> String?
    {
      let stride = (count + 15) & ~15
      let memory = try (0..<3).map { _ throws(ArcuateError) in
        try scratch(Float.self, (steps + 1) * stride)
      }
      let back = try (0..<4).map { _ throws(ArcuateError) in try scratch(Float.self, stride) }
      let input = try scratch(Float.self, stride)
      defer { withExtendedLifetime((memory, back, input)) {} }
      func tape(_ t: Int) -> NeuronTapeRows {
        func row(_ k: Int, _ t: Int) -> Row<Float> { memory[k].row.part(t * stride, stride) }
        return NeuronTapeRows(
          membraneBefore: row(0, t), spikesBefore: row(1, t), currentBefore: row(2, t),
          membrane: row(0, t + 1), spikes: row(1, t + 1), current: row(2, t + 1))
      }
      let expected = NeuronTapeReference(
        flags: layer.flags, throughReset: swept?.throughReset ?? true)
      var moments = [[NeuronTapeReference.Moment]](
        repeating: .init(repeating: .init(), count: count), count: steps + 1)
      for t in 0..<steps {
        for n in 0..<count { input[n] = x[t][n] }
        layer.record(input: input.row, tape: tape(t))
        for n in 0..<count {
          moments[t + 1][n] = expected.step(
            x[t][n], before: moments[t][n], numbers[n], fire: expected.fires)
        }
        let after = tape(t)
        for (row, path) in [
          (after.membrane, \NeuronTapeReference.Moment.membrane), (after.spikes, \.spike),
          (after.current, \.current),
        ] {
          let expected = moments[t + 1].map { $0[keyPath: path] }
          if let found = ArcuateKernels.difference(row, expected) { return "step \(t): \(found)" }
        }
      }
      guard let swept else { return nil }
      var carries = [NeuronTapeReference.Carry](repeating: .init(), count: count)
      for t in (0..<steps).reversed() {
        for n in 0..<count { input[n] = emitted[t][n] }
        layer.sweep(
          NeuronSweepRows(
            emitted: input.row, carry: back[0].row, currentCarry: back[1].row,
            membrane: back[2].row, input: back[3].row, adds: false),
          tape: tape(t), surrogate: swept.surrogate, throughReset: swept.throughReset)
        for n in 0..<count {
          let now = moments[t + 1][n]
          var sums = NeuronTapeReference.Coefficients(decay: 0, gain: 0)
          let gradient = expected.sweep(
            emitted: emitted[t][n], input: x[t][n], now: now, before: moments[t][n], numbers[n],
            slope: slope(swept.surrogate, now.membrane - numbers[n].threshold), carry: &carries[n],
            sums: &sums)
          // The kernel divides once where the expected divides twice.
          if abs(back[3][n] - gradient) > 1e-5 * max(1, abs(gradient)) {
            return "step \(t), neuron \(n): \(back[3][n]), expected \(gradient)"
          }
        }
      }
      return nil
    }

    private func slope(_ shape: SurrogateShape, _ x: Float) -> Float {
      switch shape.kind {
      case .box: return x.magnitude < shape.a ? shape.b : 0
      case .triangle: return shape.b * max(0, 1 - x.magnitude / shape.a)
      case .fastSigmoid: return 1 / ((1 + shape.a * x.magnitude) * (1 + shape.a * x.magnitude))
      case .arctan:
        let scaled = Float.pi / 2 * shape.a * x
        return shape.a / 2 / (1 + scaled * scaled)
      case .spikeTime: return 0
      }
    }
  }
}
