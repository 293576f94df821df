import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// A node that adapts while a session runs, or that rules need around them.
protocol AdaptiveNode: NodeRun {
  /// Whether anything in it adapts, or rules need it.
  var isAdaptive: Bool { get }
  /// The weights that a rule changes; nil where there are none.
  var adaptiveWeights: PlasticWeights? { get }
  /// Brings what adapts back to the values of the model.
  func restore(_ arena: Arena)
  /// Numbers that adapt, or with `fast` those of each stream; nil where there are none of that kind.
  func adaptedCount(fast: Bool, batch: Int) -> Int?
  /// Calls `body` with the index of each of these numbers and its value now.
  func forEachAdapted(fast: Bool, _ arena: Arena, _ body: (Int, Float) -> Void)
  /// The node of the model with what has adapted in it; nil where nothing has.
  func adapted(_ op: Operator, _ shape: Shape, _ arena: Arena) throws(ArcuateError) -> Operator?
}

extension NodeStep {
  /// Its node, if that adapts or is one that rules need.
  var adaptiveNode: (any AdaptiveNode)? {
    guard let node = node as? any AdaptiveNode, node.isAdaptive else { return nil }
    return node
  }
}

extension PlasticNode {
  /// Throws. `limitExceeded`, `cannotCompile`, `outOfMemory`.
  func packed(_ packing: inout NodePacking) throws(ArcuateError) -> any NodeRun {
    switch self {
    case .linear(let linear): try PlasticLinearNode(linear, &packing)
    case .convolution(let plastic): try PlasticConvolutionNode(plastic, &packing)
    case .trace(let trace): TraceNode(trace, &packing)
    case .winners(let count): WinnersNode(count)
    case .projection(let projection): try projection.packed(&packing)
    }
  }

  /// Whether the node is packed as one that adapts, or that rules need.
  var isAdaptive: Bool {
    switch self {
    case .linear, .convolution, .trace, .winners: true
    case .projection: false
    }
  }
}

extension Projection {
  /// A matrix, or listed connections where each output has few inputs.
  func packed(_ packing: inout NodePacking) throws(ArcuateError) -> any NodeRun {
    let linear = try linear()
    guard fanIn != nil, linear.weight.count > 0 else { return try linear.packed(packing) }
    let weight = linear.weight.floats
    var (starts, posts, values): ([Int64], [Int64], [Float]) = ([0], [], [])
    for j in 0..<pre {
      for i in 0..<post where weight[i * pre + j] != 0 {
        posts.append(Int64(i))
        values.append(weight[i * pre + j])
      }
      starts.append(Int64(posts.count))
    }
    let sparse = SparseLinear(
      post: post, pre: pre, rowStarts: IndexArray(starts), postIndices: IndexArray(posts),
      weight: Tensor(vector: values))
    return try SparseNode(sparse, &packing)
  }
}

/// Weights that a session changes: those of a matrix, or of the kernels of a convolution, which are a
/// matrix for what one output sees, [inputs of the window][channels].
///
/// A class, so that passing it retains none of its parts.
final class PlasticWeights: Sendable {
  let inputs: Int
  let outputs: Int
  let stride: Int
  /// What a new session starts from: [inputs + 1][stride], the bias last.
  let initial: View<Float>
  /// [inputs][stride], where the rule changes what it multiplies.
  let alpha: View<Float>?
  /// Offset in the state: [inputs + 1][stride], of all streams.
  let offset: Int
  /// Offset in the state: [batch][inputs][stride]; nil without alpha.
  let fast: Int?
  /// The windows of a convolution.
  let geometry: ConvolutionGeometry?

  /// Throws. `outOfMemory`.
  init(
    _ linear: PlasticLinear, offset: Int, fast: Int?, geometry: ConvolutionGeometry? = nil
  ) throws(ArcuateError) {
    inputs = linear.pre
    outputs = linear.post
    stride = (linear.post + 15) & ~15
    let (inputs, outputs, stride) = (inputs, outputs, stride)
    let rows = (inputs + 1) * stride
    let initial = try AlignedBuffer(byteCount: rows * 4).view(Float.self, start: 0, count: rows)
    func transpose(_ values: [Float], into view: View<Float>) {
      for i in 0..<outputs {
        for j in 0..<inputs { view[j * stride + i] = values[i * inputs + j] + 0 }
      }
    }
    transpose(linear.weight.floats, into: initial)
    if let bias = linear.bias?.floats {
      for i in 0..<outputs { initial[inputs * stride + i] = bias[bias.count == 1 ? 0 : i] + 0 }
    }
    self.initial = initial
    if let alpha = linear.alpha {
      let view = try AlignedBuffer(byteCount: rows * 4).view(Float.self, start: 0, count: rows)
      transpose(
        alpha.count == inputs * outputs
          ? alpha.floats : [Float](repeating: alpha.floats[0], count: inputs * outputs), into: view)
      self.alpha = view
    } else {
      alpha = nil
    }
    self.offset = offset
    self.fast = fast
    self.geometry = geometry
  }

  /// Rows of weights with the bias.
  var rows: Int { inputs + 1 }
  /// Outputs of a channel: 1 for a matrix.
  var positions: Int { geometry.map { $0.outHeight * $0.outWidth } ?? 1 }
  /// Floats of all windows of a row beside each other, a multiple of 16; 0 for a matrix.
  var windowCount: Int { geometry == nil ? 0 : (inputs * positions + 15) & ~15 }
  var byteCount: Int { (initial.count + (alpha?.count ?? 0)) * 4 }

  /// The weights as they are now.
  @inline(__always)
  func row(_ arena: Arena) -> Row<Float> { arena.state.row.part(offset, rows * stride) }

  /// The biases as they are now.
  func bias(_ arena: Arena) -> Tensor {
    Tensor(vector: arena.state.row.part(offset + inputs * stride, outputs).array)
  }

  func count(fast: Bool, batch: Int) -> Int? {
    if fast, self.fast == nil { return nil }
    return inputs * outputs * (fast ? batch : 1)
  }

  /// The weights, [outputs][inputs], or the fast ones, [batch][outputs][inputs].
  func forEach(fast: Bool, _ arena: Arena, _ body: (Int, Float) -> Void) {
    for b in 0..<(fast ? arena.batch : 1) {
      let start = fast ? (self.fast ?? offset) + b * inputs * stride : offset
      for i in 0..<outputs {
        for j in 0..<inputs {
          body((b * outputs + i) * inputs + j, arena.state[start + j * stride + i])
        }
      }
    }
  }

  func values(_ arena: Arena) -> [Float] {
    var values = [Float](repeating: 0, count: inputs * outputs)
    forEach(fast: false, arena) { values[$0] = $1 }
    return values
  }

  /// The windows of a row beside each other, [inputs of a window][positions], in a worker's scratch.
  func windows(
    _ x: Row<Float>, _ geometry: ConvolutionGeometry, _ worker: Int, _ arena: Arena
  ) -> Matrix {
    let columns = arena.plastic.windows.row.part(
      worker * arena.size.plastic.windows, inputs * positions)
    Windows.spread(x, geometry, group: 0, into: columns, stride: positions)
    return Matrix(columns, rows: inputs, columns: positions, rowStride: positions)
  }
}
