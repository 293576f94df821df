import ArcuateCore
import ArcuateKernelTypes

/// The cases of kernels that list the nonzero elements of a row.
enum NonzeroCases {
  static let all: [KernelCases] = [list]

  private static let list = KernelCases(
    kernel: .nonzeroList, extents: [[0] + tailSizes, [0, 1, 2, 3]]
  ) { (extents, draw) throws(ArcuateError) in
    let density: Float = [0, 0.1, 0.9, 1][extents[1]]
    var x = draw.values(extents[0], density: density)
    if density == 0.9, !x.isEmpty { x[x.count - 1] = .nan }
    let input = try scratch(Float.self, x.count + 16)
    input.row.fill(.nan)
    for (i, value) in x.enumerated() { input[i] = value }
    let output = try scratch(UInt32.self, x.count + 16)
    defer { withExtendedLifetime((input, output)) {} }
    let found = findNonzero(input.row, count: x.count, list: output.row)
    let expected = Reference.nonzeroList(x)
    let list = (0..<Int(found.count)).map { output[$0] }
    if list != expected { return "\(list) is not \(expected)" }
    let unit = x.allSatisfy { $0 == 0 || $0 == 1 }
    if (found.unit == 1) != unit { return "unit is \(found.unit)" }
    // The same through bit masks, from anywhere in memory.
    let masks = try scratch(UInt16.self, x.count + 16)
    defer { withExtendedLifetime(masks) {} }
    let kept = ([0] + x).withUnsafeBufferPointer {
      // SAFETY: all but the first number of an array that is not empty.
      maskNonzero(UnsafeBufferPointer(rebasing: $0[1...]), masks: masks.row)
    }
    if kept.finite != x.allSatisfy(\.isFinite) { return "finite is \(kept.finite)" }
    if kept.unit != unit { return "unit of the bits is \(kept.unit)" }
    let again = findNonzero(masks: masks.row, count: x.count, list: output.row)
    let positions = (0..<Int(again.count)).map { output[$0] }
    return positions == expected ? nil : "\(positions) by bits is not \(expected)"
  }
}
