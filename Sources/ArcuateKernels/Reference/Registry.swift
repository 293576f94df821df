import ArcuateCore
import ArcuateKernelTypes

/// A kernel with the sizes it must be tried at and the comparison with its twin.
public struct RegistryLine: Sendable {
  public let kernel: Kernel
  /// Every combination of these extents is a case.
  public let extents: [[Int]]
  /// What differs for one case, or nil. `random` draws the numbers.
  let compare: @Sendable (_ extents: [Int], _ random: inout Draw) throws -> String?

  /// All cases, or every `stride`th, with a seed each; returns the first difference, naming case and
  /// seed.
  public func firstDifference(seed: UInt64, stride: Int = 1) throws -> String? {
    var cases: [[Int]] = [[]]
    for choices in extents { cases = cases.flatMap { head in choices.map { head + [$0] } } }
    for (i, extents) in cases.enumerated() where i % stride == 0 {
      var draw = Draw(seed: seed, stream: UInt32(i))
      if let difference = try compare(extents, &draw) {
        return "\(kernel.rawValue) \(extents) seed \(seed): \(difference)"
      }
    }
    return nil
  }

  /// The number of cases.
  public var caseCount: Int { extents.reduce(1) { $0 * $1.count } }
}

/// Random numbers for comparisons.
struct Draw {
  let random: CounterRandom
  let stream: UInt32
  var step: UInt64 = 0

  init(seed: UInt64, stream: UInt32) {
    random = CounterRandom(seed: seed)
    self.stream = stream
  }

  mutating func uniform() -> Float {
    step += 1
    return random.uniform(stream: stream, step: step, index: 0)
  }

  /// Values within -1 ..< 1, of which a fraction `density` are not zero.
  mutating func values(_ count: Int, density: Float = 1) -> [Float] {
    (0..<count).map { _ in
      let keep = uniform() < density
      let value = uniform() * 2 - 1
      return keep ? value : 0
    }
  }

  /// Zeros and ones.
  mutating func spikes(_ count: Int, density: Float) -> [Float] {
    (0..<count).map { _ in uniform() < density ? 1 : 0 }
  }
}

public enum KernelRegistry {
  public static let lines: [RegistryLine] =
    WeightKind.allCases.flatMap { kind in
      [
        linearEvents(kind), linearShared(kind), linearMany(kind), linearTiles(kind),
        linearDense(kind, fused: false), linearDense(kind, fused: true),
      ]
    } + [
      convolution(.convolutionEvents), convolution(.convolutionWindows), neuron, neuronFire, list,
      sparseRows, sparseRing, populationStep,
      matrixProduct, gatherSums, neuronRecord, neuronSweep,
    ]

  /// Sizes around the widths of tiles and vectors; 600 has whole panels in both shares of the outputs.
  private static let tails = [1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 79, 80, 81, 130]

  /// Weights of one kind, [outputs][inputs].
  private static func weights(
    _ kind: WeightKind, _ outputs: Int, _ inputs: Int, _ draw: inout Draw
  ) throws -> Tensor {
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

  private static func linearEvents(_ kind: WeightKind) -> RegistryLine {
    RegistryLine(
      kernel: .linear(.events, kind), extents: [[0, 1, 2, 7, 16, 33, 130], tails + [600], [0, 1]]
    ) { extents, draw in
      let (inputs, outputs, unit) = (extents[0], extents[1], extents[2] == 1)
      let x = unit ? draw.spikes(inputs, density: 0.4) : draw.values(inputs, density: 0.4)
      let weight = try weights(kind, outputs, inputs, &draw)
      let bias = draw.values(outputs)
      let packed = try LinearWeights(
        weight: weight, matrix: 0, bias: bias, inputs: inputs, outputs: outputs)
      let input = try View.packed(x + [0])
      let list = try room(UInt32.self, inputs + 16)
      let output = try room(Float.self, packed.stride)
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

  private static func linearShared(_ kind: WeightKind) -> RegistryLine {
    RegistryLine(
      kernel: .linear(.shared, kind),
      extents: [
        [0, 1, 33, 300], [1, 15, 16, 17, 64, 65, 81, 130, 600], [1, 2, 10, 40],
      ]
    ) { extents, draw in
      try spikeRows(kind, extents, &draw)
    }
  }

  private static func linearMany(_ kind: WeightKind) -> RegistryLine {
    RegistryLine(
      kernel: .linear(.many, kind),
      extents: [[1, 96, 97, 300], [1, 17, 64, 130, 600], [96, 112]]
    ) { extents, draw in
      try spikeRows(kind, extents, &draw)
    }
  }

  /// Where there are no tiles, the rows take the weights block by block.
  private static func linearTiles(_ kind: WeightKind) -> RegistryLine {
    RegistryLine(
      kernel: .linear(.tiles, kind),
      extents: [[1, 33, 65, 1100], [1, 17, 48, 130], [97, 144]]
    ) { extents, draw in
      try spikeRows(kind, extents, anyOrder: true, &draw)
    }
  }

  private static func spikeRows(
    _ kind: WeightKind, _ extents: [Int], anyOrder: Bool = false, _ draw: inout Draw
  ) throws -> String? {
    let (inputs, outputs, rows) = (extents[0], extents[1], extents[2])
    let weight = try weights(kind, outputs, inputs, &draw)
    let bias = draw.values(outputs)
    let packed = try LinearWeights(
      weight: weight, matrix: 0, bias: bias, inputs: inputs, outputs: outputs)
    let demands = SpikeRows.Demands(
      inputs: inputs, most: (rows + 15) & ~15, hasBytes: kind == .int8, anyOrder: anyOrder)
    let memory = try AlignedBuffer(byteCount: demands.byteCount)
    var spikes = SpikeRows(demands, memory: memory, start: 0)
    let output = try room(Float.self, rows * packed.stride)
    let lists = try room(UInt32.self, rows * (inputs + 1))
    defer { withExtendedLifetime((memory, output, lists)) {} }
    // Twice, since the second use must find nothing of the first.
    for _ in 0..<2 {
      let x = (0..<rows).map { r in draw.spikes(inputs, density: r == 1 ? 1 : 0.3) }
      for r in 0..<rows {
        let list = Reference.nonzeroList(x[r])
        for (e, index) in list.enumerated() { lists[r * inputs + e] = index }
        // The rows' places need not be in order.
        spikes.add(
          listStart: r * inputs, count: list.count, offset: (rows - 1 - r) * packed.stride,
          owner: r)
      }
      let isExact = spikes.way(packed) != .tiles || kind == .int8
      spikes.batches(packed, lists: lists.row) { batch in
        for share in shares(packed) {
          batch.apply(
            packed, output: output.row, first: share.first, count: share.count, room: spikes)
        }
      }
      spikes.clear()
      for r in 0..<rows {
        let part = output.row.part((rows - 1 - r) * packed.stride, packed.stride)
        let twin = Reference.linear(input: x[r], weight: weight, bias: bias)
        // Each weight and bias is below 1, and so many of them are rounded at most as often.
        let terms = Float(x[r].reduce(0, +)) + 1
        let found =
          isExact
          ? difference(part, twin) : difference(part, twin, within: terms * terms * .ulpOfOne)
        if let found { return "row \(r): \(found)" }
      }
    }
    return nil
  }

  private static func linearDense(_ kind: WeightKind, fused: Bool) -> RegistryLine {
    RegistryLine(
      kernel: .linear(fused ? .denseFused : .dense, kind),
      extents: [[0, 1, 5, 17], tails, [1, 2, 3, 4, 7]]
    ) { extents, draw in
      let (inputs, outputs, rows) = (extents[0], extents[1], extents[2])
      let weight = try weights(kind, outputs, inputs, &draw)
      let bias = draw.values(outputs)
      let packed = try LinearWeights(
        weight: weight, matrix: 0, bias: bias, inputs: inputs, outputs: outputs)
      let x = (0..<rows).map { _ in draw.values(inputs, density: 0.7) }
      let stride = (inputs + 15) & ~15
      let input = try room(Float.self, rows * stride + 16)
      for r in 0..<rows { for j in 0..<inputs { input[r * stride + j] = x[r][j] } }
      let output = try room(Float.self, rows * packed.stride)
      defer { withExtendedLifetime((input, output)) {} }
      packed.applyDense(
        input: input.row, inputStride: stride, rows: rows, output: output.row,
        outputStride: packed.stride, first: 0, count: packed.stride, fused: fused)
      for r in 0..<rows {
        let twin = Reference.linear(input: x[r], weight: weight, bias: bias, fused: fused)
        if let found = difference(output.row.part(r * packed.stride, packed.stride), twin) {
          return "row \(r): \(found)"
        }
      }
      return nil
    }
  }

  private static func convolution(_ kernel: Kernel) -> RegistryLine {
    RegistryLine(
      kernel: kernel,
      extents: [
        [1, 4, 5], [1, 2, 7], [1, 3, 8, 12, 13, 20, 33], [1, 2, 3], [1, 2], [0, 1, 2], [1, 2],
      ]
    ) { extents, draw in
      try convolve(byWindows: kernel == .convolutionWindows, extents, &draw)
    }
  }

  private static func convolve(
    byWindows: Bool, _ extents: [Int], _ draw: inout Draw
  ) throws -> String? {
    let (size, inPerGroup, outPerGroup) = (extents[0] + 2, extents[1], extents[2])
    let (kernel, stride, pad, groups) = (extents[3], extents[4], extents[5], extents[6])
    let dilation = size > 5 ? 2 : 1
    // Height and width differ, and so do the kernel's.
    func out(_ n: Int, _ k: Int) -> Int { (n + 2 * pad - dilation * (k - 1) - 1) / stride + 1 }
    let kernelWidth = max(1, kernel - 1)
    guard size + 2 * pad > dilation * (kernel - 1) else { return nil }
    let g = ConvolutionGeometry(
      inHeight: size, inWidth: size + 1, inChannels: inPerGroup * groups,
      outHeight: out(size, kernel), outWidth: out(size + 1, kernelWidth),
      outChannels: outPerGroup * groups, kernelHeight: kernel, kernelWidth: kernelWidth,
      strideY: stride, strideX: stride, padTop: pad, padLeft: pad, dilationY: dilation,
      dilationX: dilation, groups: groups)
    let isUnit = draw.uniform() < 0.5
    let density: Float = draw.uniform() < 0.5 ? 0.3 : 0.9
    let x =
      isUnit
      ? draw.spikes(g.inputCount, density: density) : draw.values(g.inputCount, density: density)
    let weight = draw.values(g.outChannels * inPerGroup * kernel * kernelWidth)
    let bias = draw.values(g.outChannels, density: draw.uniform() < 0.3 ? 0 : 1)
    let packed = try ConvolutionWeights(weight: weight, bias: bias, geometry: g)
    let input = try View.packed(x)
    let list = try room(UInt32.self, x.count + 16)
    let starts = try room(UInt32.self, x.count + 16)
    let output = try room(Float.self, g.outputCount + 16)
    defer { withExtendedLifetime((input, list, output, starts)) {} }
    let nonzero = findNonzero(input.row, count: x.count, list: list.row)
    if byWindows {
      guard packed.hasWindows else { return nil }
      packed.applyWindows(
        input: input.row, list: list.row, nonzero: nonzero,
        output: output.row.part(0, (g.outputCount + 15) & ~15), starts: starts.row)
    } else {
      packed.applyEvents(
        input: input.row, list: list.row, nonzero: nonzero, output: output.row)
    }
    for i in g.outputCount..<output.count where output[i] != 0 { return "padding is written" }
    return difference(
      output.row, Reference.convolution(input: x, weight: weight, bias: bias, geometry: g))
  }

  /// Every combination of flags, on sizes with and without tails, over six steps, with one row of
  /// inputs and with two, and once more without a row of outputs.
  private static let neuron = RegistryLine(
    kernel: .neuronStep, extents: [[1, 16, 19], [0, 1], Array(0..<2048)]
  ) { extents, draw in
    let count = extents[0]
    let uniform = extents[1] == 0
    let flags = NeuronFlags(rawValue: UInt32(extents[2]))
    func parameter(_ low: Float, _ high: Float) -> [Float] {
      (0..<(uniform ? 1 : count)).map { _ in low + (high - low) * draw.uniform() }
    }
    let layer: [[Float]] = [
      parameter(0.5, 0.9), parameter(0.5, 1.5), parameter(0.6, 1), parameter(0.5, 1),
      parameter(-0.1, 0.1), parameter(0.3, 1), parameter(-0.2, 0.2),
    ]
    let packed = try NeuronLayer(
      count: count, flags: flags, currentDecay: layer[0], currentGain: layer[1], decay: layer[2],
      gain: layer[3], offset: layer[4], threshold: layer[5], resetValue: layer[6])
    let padded = (count + 15) & ~15
    let views = try (0..<9).map { _ in try room(Float.self, padded) }
    defer { withExtendedLifetime(views) {} }
    let rows = views.map(\.row)
    let spikes = try room(UInt32.self, padded)
    let listedAlone = try room(UInt32.self, padded)
    var (v, i, pending) = (
      [Float](repeating: 0, count: count), [Float](repeating: 0, count: count),
      [Float](repeating: 0, count: count)
    )
    for step in 0..<6 {
      var x = draw.values(count).map { $0 * 2 }
      for n in 0..<count { rows[0][n] = x[n] }
      let other = step & 1 == 1 ? rows[5] : nil
      if let other {
        let more = draw.values(count)
        for n in 0..<count {
          other[n] = more[n]
          x[n] += more[n]
        }
      }
      let (changed, nonzero) = packed.step(
        input: rows[0], and: other, membrane: rows[1], current: rows[2], pending: rows[3],
        output: rows[4], list: spikes.row)
      var twin = [Float](repeating: 0, count: count)
      var twinChanged = 0
      for n in 0..<count {
        func at(_ p: Int) -> Float { layer[p][uniform ? 0 : n] }
        let before = v[n]
        twin[n] = Reference.neuronStep(
          input: x[n], membrane: &v[n], current: &i[n], pending: &pending[n],
          numbers: .init(
            currentDecay: at(0), currentGain: at(1), decay: at(2), gain: at(3), offset: at(4),
            threshold: at(5), resetValue: at(6)), flags: flags)
        if v[n] != before { twinChanged += 1 }
      }
      if changed != twinChanged { return "step \(step): \(changed) changed, twin \(twinChanged)" }
      if let found = difference(rows[4], twin) { return "step \(step) output: \(found)" }
      if let found = difference(rows[1], v) { return "step \(step) membrane: \(found)" }
      for n in count..<padded where rows[4][n] != 0 { return "step \(step): padding speaks" }
      guard flags.contains(.spikes) else { continue }
      let listed = (0..<Int(nonzero.count)).map { spikes[$0] }
      if listed != Reference.nonzeroList(twin) { return "step \(step): \(listed) are listed" }
      let unit = twin.allSatisfy { $0 == 0 || $0 == 1 }
      if (nonzero.unit == 1) != unit { return "step \(step): unit is \(nonzero.unit)" }
      let (_, alone) = packed.step(
        input: rows[0], and: other, membrane: rows[6], current: rows[7], pending: rows[8],
        output: nil, list: listedAlone.row)
      let same = (0..<Int(alone.count)).map { listedAlone[$0] } == listed
      if !same || alone.unit != nonzero.unit { return "step \(step): another list without a row" }
      if let found = difference(rows[6], v) { return "step \(step) without a row: \(found)" }
    }
    return nil
  }

  /// Membranes on both sides of the threshold and at it, over three steps, with a row and without.
  private static let neuronFire = RegistryLine(
    kernel: .neuronFire, extents: [[0] + tails, [0, 1], [0, 1], [0, 1]]
  ) { extents, draw in
    let count = extents[0]
    let threshold = 0.25 * (1 + draw.uniform())
    let resetValue = draw.uniform() - 0.5
    var flags: NeuronFlags = [.spikes, extents[1] == 0 ? .resetSubtract : .resetToValue]
    if extents[2] == 1 { flags.insert(.orEqual) }
    let layer = try NeuronLayer(
      count: count, flags: flags, decay: [1], gain: [1], threshold: [threshold],
      resetValue: [resetValue])
    if !layer.addsInPlace { return "has no such loop" }
    let padded = (count + 15) & ~15
    let (membrane, output) = (try room(Float.self, padded), try room(Float.self, padded))
    let spikes = try room(UInt32.self, padded)
    defer { withExtendedLifetime((membrane, output, spikes)) {} }
    var v = [Float](repeating: 0, count: count)
    for step in 0..<3 {
      var twin = v
      for n in 0..<count {
        let x = draw.uniform() < 0.1 ? threshold - v[n] : draw.uniform() - 0.3
        membrane[n] += x
        var (current, pending) = (0 as Float, 0 as Float)
        twin[n] = Reference.neuronStep(
          input: x, membrane: &v[n], current: &current, pending: &pending,
          numbers: .init(
            currentDecay: 0, currentGain: 1, decay: 1, gain: 1, offset: 0, threshold: threshold,
            resetValue: resetValue), flags: flags)
      }
      let found = layer.fire(
        membrane: membrane.row, output: extents[3] == 1 ? output.row : nil, list: spikes.row)
      if let found = difference(membrane.row, v) { return "step \(step) membrane: \(found)" }
      let listed = (0..<Int(found.count)).map { spikes[$0] }
      if listed != Reference.nonzeroList(twin) { return "step \(step): \(listed) are listed" }
      if extents[3] == 1, let found = difference(output.row, twin) { return "output: \(found)" }
      for n in count..<padded where membrane[n] != 0 || output[n] != 0 {
        return "padding is written"
      }
    }
    return nil
  }

  private static let list = RegistryLine(
    kernel: .nonzeroList, extents: [[0] + tails, [0, 1, 2, 3]]
  ) { extents, draw in
    let density: Float = [0, 0.1, 0.9, 1][extents[1]]
    var x = draw.values(extents[0], density: density)
    if density == 0.9, !x.isEmpty { x[x.count - 1] = .nan }
    let input = try room(Float.self, x.count + 16)
    input.row.fill(.nan)
    for (i, value) in x.enumerated() { input[i] = value }
    let output = try room(UInt32.self, x.count + 16)
    defer { withExtendedLifetime((input, output)) {} }
    let found = findNonzero(input.row, count: x.count, list: output.row)
    let twin = Reference.nonzeroList(x)
    let list = (0..<Int(found.count)).map { output[$0] }
    if list != twin { return "\(list) is not \(twin)" }
    let unit = x.allSatisfy { $0 == 0 || $0 == 1 }
    if (found.unit == 1) != unit { return "unit is \(found.unit)" }
    // The same by way of bits, from anywhere in memory.
    let masks = try room(UInt16.self, x.count + 16)
    defer { withExtendedLifetime(masks) {} }
    let kept = ([0] + x).withUnsafeBufferPointer {
      maskNonzero(UnsafeBufferPointer(rebasing: $0[1...]), masks: masks.row)
    }
    if kept.finite != x.allSatisfy(\.isFinite) { return "finite is \(kept.finite)" }
    if kept.unit != unit { return "unit of the bits is \(kept.unit)" }
    let again = findNonzero(masks: masks.row, count: x.count, list: output.row)
    let places = (0..<Int(again.count)).map { output[$0] }
    return places == twin ? nil : "\(places) by bits is not \(twin)"
  }

  static func room<T: BitwiseCopyable>(_: T.Type, _ count: Int) throws -> View<T> {
    let padded = (count + 15) & ~15
    return try AlignedBuffer(byteCount: padded * MemoryLayout<T>.stride).view(
      start: 0, count: padded)
  }

  static func difference(_ output: Row<Float>, _ twin: [Float], within: Float) -> String? {
    for i in twin.indices where !(abs(output[i] - twin[i]) <= within) {
      return "element \(i) is \(output[i]), the twin has \(twin[i]) and allows \(within)"
    }
    return nil
  }

  static func difference(_ output: Row<Float>, _ twin: [Float]) -> String? {
    for i in twin.indices where output[i].bitPattern != twin[i].bitPattern {
      return "element \(i) is \(output[i]), the twin has \(twin[i])"
    }
    return nil
  }
}
