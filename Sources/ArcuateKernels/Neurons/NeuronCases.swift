import ArcuateCore
import ArcuateKernelTypes

/// The cases of neuron kernels.
enum NeuronCases {
  static let all: [KernelCases] = [neuron, neuronFire]

  /// Every combination of flags, on sizes with and without tailSizes, over six steps, with one row of
  /// inputs and with two, then without an output row.
  private static let neuron = KernelCases(
    kernel: .neuronStep, extents: [[1, 16, 19], [0, 1], Array(0..<2048)]
  ) { (extents, draw) throws(ArcuateError) in
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
    let views = try (0..<9).map { _ throws(ArcuateError) in try scratch(Float.self, padded) }
    defer { withExtendedLifetime(views) {} }
    let rows = views.map(\.row)
    let spikes = try scratch(UInt32.self, padded)
    let listedAlone = try scratch(UInt32.self, padded)
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
      var expected = [Float](repeating: 0, count: count)
      var expectedChanges = 0
      for n in 0..<count {
        func at(_ p: Int) -> Float { layer[p][uniform ? 0 : n] }
        let before = v[n]
        expected[n] = Reference.neuronStep(
          input: x[n], membrane: &v[n], current: &i[n], pending: &pending[n],
          numbers: .init(
            currentDecay: at(0), currentGain: at(1), decay: at(2), gain: at(3), offset: at(4),
            threshold: at(5), resetValue: at(6)), flags: flags)
        if v[n] != before { expectedChanges += 1 }
      }
      if changed != expectedChanges {
        return "step \(step): \(changed) changed, expected \(expectedChanges)"
      }
      if let found = difference(rows[4], expected) { return "step \(step) output: \(found)" }
      if let found = difference(rows[1], v) { return "step \(step) membrane: \(found)" }
      for n in count..<padded where rows[4][n] != 0 { return "step \(step): padding speaks" }
      guard flags.contains(.spikes) else { continue }
      let listed = (0..<Int(nonzero.count)).map { spikes[$0] }
      if listed != Reference.nonzeroList(expected) { return "step \(step): \(listed) are listed" }
      let unit = expected.allSatisfy { $0 == 0 || $0 == 1 }
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
  private static let neuronFire = KernelCases(
    kernel: .neuronFire, extents: [[0] + tailSizes, [0, 1], [0, 1], [0, 1]]
  ) { (extents, draw) throws(ArcuateError) in
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
    let (membrane, output) = (try scratch(Float.self, padded), try scratch(Float.self, padded))
    let spikes = try scratch(UInt32.self, padded)
    defer { withExtendedLifetime((membrane, output, spikes)) {} }
    var v = [Float](repeating: 0, count: count)
    for step in 0..<3 {
      var expected = v
      for n in 0..<count {
        let x = draw.uniform() < 0.1 ? threshold - v[n] : draw.uniform() - 0.3
        membrane[n] += x
        var (current, pending) = (0 as Float, 0 as Float)
        expected[n] = Reference.neuronStep(
          input: x, membrane: &v[n], current: &current, pending: &pending,
          numbers: .init(
            currentDecay: 0, currentGain: 1, decay: 1, gain: 1, offset: 0, threshold: threshold,
            resetValue: resetValue), flags: flags)
      }
      let found = layer.fire(
        membrane: membrane.row, output: extents[3] == 1 ? output.row : nil, list: spikes.row)
      if let found = difference(membrane.row, v) { return "step \(step) membrane: \(found)" }
      let listed = (0..<Int(found.count)).map { spikes[$0] }
      if listed != Reference.nonzeroList(expected) { return "step \(step): \(listed) are listed" }
      if extents[3] == 1, let found = difference(output.row, expected) { return "output: \(found)" }
      for n in count..<padded where membrane[n] != 0 || output[n] != 0 {
        return "padding is written"
      }
    }
    return nil
  }
}
