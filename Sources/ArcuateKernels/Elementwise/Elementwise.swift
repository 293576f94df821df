import ArcuateCore
import CShims

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Small operations on rows: their cost vanishes beside the weights', so they are plain loops,
/// which the compiler turns into vectors, and are their own reference.
public enum Elementwise {
  /// output = the sum of `a` and `b`, element by element.
  public static func add(_ a: Row<Float>, _ b: Row<Float>, into output: Row<Float>, count: Int) {
    check(count, a, b, output)
    for i in 0..<count { output.pointer[i] = a.pointer[i] + b.pointer[i] }
  }

  /// output[i] = input[position i of the order].
  public static func permute(_ input: Row<Float>, by order: Permutation, into output: Row<Float>) {
    check(order.positions.count, input, output)
    // SAFETY: every position is below the count that both rows have.
    for i in 0..<order.positions.count {
      output.pointer[i] = input.pointer[Int(order.positions[i])]
    }
  }

  /// The same where only what `list` names is not zero; a row of ones is not read.
  public static func permute(
    _ input: Row<Float>, list: Row<UInt32>, nonzero: NonzeroCount, by order: Permutation,
    into output: Row<Float>
  ) {
    check(order.positions.count, input, output)
    let count = Int(nonzero.count)
    precondition(count <= list.count, "scratch for the list")
    output.part(0, order.positions.count).fill(0)
    for e in 0..<count {
      let i = Int(list.pointer[e])
      output[Int(order.targets[i])] = nonzero.unit != 0 ? 1 : input[i]
    }
  }

  /// The list of a row of ones in another order, ascending again, through bit masks for every element.
  public static func permute(
    list: Row<UInt32>, count: Int, by order: Permutation, masks: Row<UInt16>,
    into output: Row<UInt32>
  ) -> NonzeroCount {
    let masks = masks.part(0, (order.positions.count + 15) / 16)
    precondition(count <= list.count, "scratch for the list")
    masks.fill(0)
    for e in 0..<count {
      let target = Int(order.targets[Int(list.pointer[e])])
      // SAFETY: targets are inside the row.
      masks.pointer[target &>> 4] |= 1 &<< UInt16(truncatingIfNeeded: target & 15)
    }
    return findNonzero(masks: masks, count: order.positions.count, list: output)
  }

  /// output = 1 where `list`, ascending, says so, and 0 elsewhere.
  public static func ones(_ list: Row<UInt32>, count: Int, into output: Row<Float>) {
    precondition(
      count <= list.count && (count == 0 || Int(list[count - 1]) < output.count),
      "positions inside the row")
    output.fill(0)
    // SAFETY: the largest position is inside the row.
    for e in 0..<count { output.pointer[Int(list.pointer[e])] = 1 }
  }

  /// output[i] += input[position i of the order].
  public static func addPermuted(
    _ input: Row<Float>, by order: Permutation, into output: Row<Float>
  ) {
    check(order.positions.count, input, output)
    // SAFETY: as above.
    for i in 0..<order.positions.count {
      output.pointer[i] += input.pointer[Int(order.positions[i])]
    }
  }

  /// output = the product of `a` and `b`, element by element.
  public static func multiply(
    _ a: Row<Float>, _ b: Row<Float>, into output: Row<Float>, count: Int
  ) {
    check(count, a, b, output)
    for i in 0..<count { output.pointer[i] = a.pointer[i] * b.pointer[i] }
  }

  /// output[i] *= input[position i of the order].
  public static func multiplyPermuted(
    _ input: Row<Float>, by order: Permutation, into output: Row<Float>
  ) {
    check(order.positions.count, input, output)
    // SAFETY: every position is below the count that both rows have.
    for i in 0..<order.positions.count {
      output.pointer[i] *= input.pointer[Int(order.positions[i])]
    }
  }

  /// Copies `runs` runs of `width` elements, in another order if one is given, to runs of `stride`
  /// elements, from position `first` of each on.
  public static func lay(
    _ input: Row<Float>, by order: Permutation?, runs: Int, width: Int, into output: Row<Float>,
    first: Int, stride: Int
  ) {
    guard runs > 0, width > 0 else { return }
    precondition(first >= 0 && first + width <= stride, "scratch within a run")
    check(runs * width, input)
    check((runs - 1) * stride + first + width, output)
    // SAFETY: the last element written is the one checked for, since runs do not overlap; positions of
    // an order are below its count, which is checked to be that of the input.
    if let order {
      precondition(order.positions.count == runs * width, "an order for every element")
      for r in 0..<runs {
        for i in 0..<width {
          output.pointer[r * stride + first + i] =
            input.pointer[Int(order.positions[r * width + i])]
        }
      }
    } else {
      for r in 0..<runs {
        for i in 0..<width {
          output.pointer[r * stride + first + i] = input.pointer[r * width + i]
        }
      }
    }
  }

  /// output = input / sqrt(max(mean(input input) / target^2, floor)), and behind it, where wanted,
  /// the logarithm of target times that root.
  public static func normalize(
    _ input: Row<Float>, target: Float, floor: Float, appendsLog: Bool, into output: Row<Float>,
    count: Int
  ) {
    check(count, input)
    check(count + (appendsLog ? 1 : 0), output)
    var sum = 0.0
    for i in 0..<count { sum += Double(input.pointer[i]) * Double(input.pointer[i]) }
    let mean = sum / (Double(max(count, 1)) * Double(target) * Double(target))
    let root = max(mean, Double(floor)).squareRoot()
    let factor = Float(1 / root)
    for i in 0..<count { output.pointer[i] = input.pointer[i] * factor }
    if appendsLog { output.pointer[count] = Float(log(root * Double(target))) }
  }

  /// output = input * factor + shift.
  public static func scale(
    _ input: Row<Float>, by factor: Row<Float>, shift: Row<Float>?, into output: Row<Float>,
    count: Int
  ) {
    check(count, input, factor, output)
    if let shift {
      check(count, shift)
      for i in 0..<count {
        output.pointer[i] = input.pointer[i] * factor.pointer[i] + shift.pointer[i]
      }
    } else {
      for i in 0..<count { output.pointer[i] = input.pointer[i] * factor.pointer[i] }
    }
  }

  /// output = 1 where input > level, else 0.
  public static func threshold(
    _ input: Row<Float>, above level: Row<Float>, into output: Row<Float>, count: Int
  ) {
    check(count, input, level, output)
    for i in 0..<count { output.pointer[i] = input.pointer[i] > level.pointer[i] ? 1 : 0 }
  }

  public static func relu(_ input: Row<Float>, into output: Row<Float>, count: Int) {
    check(count, input, output)
    for i in 0..<count { output.pointer[i] = max(input.pointer[i], 0) }
  }

  public static func sigmoid(_ input: Row<Float>, into output: Row<Float>, count: Int) {
    check(count, input, output)
    for i in 0..<count { output.pointer[i] = 1 / (1 + expf(-input.pointer[i])) }
  }

  /// To within 7 units of the last position, several at a time, with the same bits on every machine.
  public static func tanh(_ input: Row<Float>, into output: Row<Float>, count: Int) {
    check(count, input, output)
    for i in 0..<count { output.pointer[i] = tanh(input.pointer[i]) }
  }

  /// Source. The quotient of polynomials of Eigen's `ptanh`; beyond 7.905 it is 1.
  @inline(__always)
  static func tanh(_ x: Float) -> Float {
    let most: Float = 7.9053111
    let low = x < -most ? -most : x
    let y = low > most ? most : low
    let square = y * y
    var above: Float = -2.76076847742355e-16
    above = above * square + 2.00018790482477e-13
    above = above * square + -8.60467152213735e-11
    above = above * square + 5.12229709037114e-08
    above = above * square + 1.48572235717979e-05
    above = above * square + 6.37261928875436e-04
    above = above * square + 4.89352455891786e-03
    var below: Float = 1.19825839466702e-06
    below = below * square + 1.18534705686654e-04
    below = below * square + 2.26843463243900e-03
    below = below * square + 4.89352518554385e-03
    return y * above / below
  }

  /// output = exp(input) / sum exp(input), or its logarithm; stable for large inputs.
  public static func softmax(
    _ input: Row<Float>, logarithm: Bool, into output: Row<Float>, count: Int
  ) {
    guard count > 0 else { return }
    check(count, input, output)
    var top = input[0]
    for i in 1..<count { top = max(top, input.pointer[i]) }
    var sum: Float = 0
    for i in 0..<count { sum += expf(input.pointer[i] - top) }
    if logarithm {
      let shift = top + logf(sum)
      for i in 0..<count { output.pointer[i] = input.pointer[i] - shift }
    } else {
      for i in 0..<count { output.pointer[i] = expf(input.pointer[i] - top) / sum }
    }
  }

  // SAFETY: the loops above stay below `count`, which no row that they touch falls short of.
  @inline(__always)
  private static func check(
    _ count: Int, _ a: Row<Float>, _ b: Row<Float>? = nil, _ c: Row<Float>? = nil
  ) {
    precondition(
      count >= 0 && count <= a.count && count <= b?.count ?? count && count <= c?.count ?? count,
      "buffer too small for the rows")
  }
}

/// Another order of the elements of a row, each once.
public struct Permutation: Sendable {
  public let positions: [Int32]
  /// Where each element of the input goes.
  let targets: [Int32]

  /// Needs. Every index is within 0 ..< count; checked once here, not at each use.
  public init(_ positions: [Int32]) {
    precondition(
      positions.allSatisfy { $0 >= 0 && $0 < positions.count }, "positions inside the row")
    self.positions = positions
    var targets = positions
    for (i, position) in positions.enumerated() { targets[Int(position)] = Int32(i) }
    self.targets = targets
  }
}

extension Row where T == Float {
  /// Sets a row of some thousands of elements at most to zero.
  /// Needs. A multiple of 16 elements, aligned to 64 bytes; checked.
  @inline(__always)
  public func clear() {
    precondition(
      count & 15 == 0 && UInt(bitPattern: pointer) & 63 == 0, "a row of whole cache lines")
    // SAFETY: the row has `count` elements.
    cshims_clear(pointer, count)
  }
}
