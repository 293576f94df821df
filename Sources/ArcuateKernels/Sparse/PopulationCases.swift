import ArcuateCore
import ArcuateKernelTypes

/// The cases of the kernels that run tiles of a population.
enum PopulationCases {
  static let all: [KernelCases] = [populationStep]

  /// Every set of flags that the kernel takes, parts of layers with parameters of both kinds, with
  /// and without a base, over six steps.
  static let populationStep = KernelCases(
    kernel: .populationStep, extents: [[1, 8, 16, 19, 40], [0, 1, 2], [0, 1], Array(0..<12)]
  ) { (extents, draw) throws(ArcuateError) in
    let (count, kind, first) = (extents[0], extents[1], 32)
    let total = first + count + 3
    var flags: NeuronFlags = [.spikes]
    if extents[3] & 1 != 0 { flags.insert(.synapse) }
    if extents[3] & 2 != 0 { flags.insert(.orEqual) }
    if extents[3] / 4 == 1 { flags.insert(.resetToValue) }
    if extents[3] / 4 == 2 { flags.insert(.resetSubtract) }
    // All alike, only resting potentials of their own, or everything.
    func parameter(_ low: Float, _ high: Float, own: Bool) -> [Float] {
      (0..<(own ? total : 1)).map { _ in low + (high - low) * draw.uniform() }
    }
    let own = kind == 2
    let layer: [[Float]] = [
      parameter(0.5, 0.9, own: own), parameter(0.5, 1.5, own: own), parameter(0.6, 1, own: own),
      parameter(0.5, 1, own: own), parameter(-0.1, 0.1, own: kind > 0),
      parameter(0.3, 1, own: own), parameter(-0.2, 0.2, own: own),
    ]
    let packed = try NeuronLayer(
      count: total, flags: flags, currentDecay: layer[0], currentGain: layer[1], decay: layer[2],
      gain: layer[3], offset: layer[4], threshold: layer[5], resetValue: layer[6])
    let tile = packed.tile(first: first, count: count)
    let padded = (count + 15) & ~15
    let views = try (0..<4).map { _ throws(ArcuateError) in try scratch(Float.self, padded) }
    let silence = try scratch(Float.self, 16)
    let spikes = try scratch(UInt32.self, padded)
    defer { withExtendedLifetime((views, silence, spikes)) {} }
    let rows = views.map(\.row)
    var (v, i) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
    for step in 0..<6 {
      let (x, y) = (draw.values(count), draw.values(count, density: 0.5))
      for n in 0..<count { (rows[0][n], rows[1][n]) = (x[n], y[n]) }
      let hasBase = extents[2] == 1
      let outcome = tile.step(
        base: hasBase ? rows[0] : silence.row, sum: rows[1], membrane: rows[2], current: rows[3],
        list: spikes.row, position: 70)
      var expected: [UInt32] = []
      var changed = 0
      for n in 0..<count {
        func at(_ p: Int) -> Float { layer[p][layer[p].count == 1 ? 0 : first + n] }
        let before = v[n]
        var pending: Float = 0
        let spike = Reference.neuronStep(
          input: (hasBase ? x[n] : 0) + y[n], membrane: &v[n], current: &i[n], pending: &pending,
          numbers: .init(
            currentDecay: at(0), currentGain: at(1), decay: at(2), gain: at(3), offset: at(4),
            threshold: at(5), resetValue: at(6)), flags: flags)
        if spike != 0 { expected.append(UInt32(70 + n)) }
        if v[n] != before { changed += 1 }
      }
      if let found = difference(rows[2], v) { return "step \(step) membrane: \(found)" }
      if flags.contains(.synapse), let found = difference(rows[3], i) {
        return "step \(step) current: \(found)"
      }
      if outcome.changed != changed { return "step \(step): \(outcome.changed), not \(changed)" }
      let listed = (0..<outcome.spikes).map { spikes[$0] }
      if listed != expected { return "step \(step): \(listed) are listed, not \(expected)" }
      for n in 0..<padded {
        if rows[1][n] != 0 { return "step \(step): the sum is left" }
        if n >= count, rows[2][n] != 0 { return "step \(step): padding is not silent" }
      }
    }
    return nil
  }
}
