import ArcuateCore

/// Sizes around the widths of tiles and vectors; 600 has whole panels in both shares of the outputs.
let tailSizes = [1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 79, 80, 81, 130]

/// Zeroed memory for `count` elements, padded to whole vectors.
func scratch<T: BitwiseCopyable>(_: T.Type, _ count: Int) throws(ArcuateError) -> View<T> {
  let padded = (count + 15) & ~15
  return try AlignedBuffer(byteCount: padded * MemoryLayout<T>.stride).view(
    start: 0, count: padded)
}

/// The first element that is off by more than `within`; nil if there is none.
func difference(_ output: Row<Float>, _ expected: [Float], within: Float) -> String? {
  for i in expected.indices where !(abs(output[i] - expected[i]) <= within) {
    return "element \(i) is \(output[i]), expected \(expected[i]) within \(within)"
  }
  return nil
}

/// The first element whose bits differ; nil if there is none.
func difference(_ output: Row<Float>, _ expected: [Float]) -> String? {
  for i in expected.indices where output[i].bitPattern != expected[i].bitPattern {
    return "element \(i) is \(output[i]), expected \(expected[i])"
  }
  return nil
}
