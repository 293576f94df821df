import ArcuateCore
import ArcuateKernelTypes

// The functions of neuron programs for one number, by the formulas of the kernel.

extension Reference {
  public static func exp(_ x: Float) -> Float {
    guard !x.isNaN else { return x }
    let low = -104 > x ? -104 : x
    let y: Float = low > 89 ? 89 : low
    let n = (y * 1.44269504088896341 + 0.5).rounded(.down)
    let r = y - n * 0.693359375 - n * -2.12194440e-4
    var p: Float = 1.9875691500e-4
    p = p * r + 1.3981999507e-3
    p = p * r + 8.3334519073e-3
    p = p * r + 4.1665795894e-2
    p = p * r + 1.6666665459e-1
    p = p * r + 5.0000001201e-1
    p = p * (r * r) + r + 1
    let half = Int32(n) >> 1
    func power(_ n: Int32) -> Float { Float(bitPattern: UInt32(bitPattern: (n + 127) << 23)) }
    return p * power(half) * power(Int32(n) - half)
  }

  public static func log(_ x: Float) -> Float {
    if x.isNaN || x == .infinity { return x }
    if x == 0 { return -.infinity }
    if x < 0 { return .nan }
    let isSmall = x < .leastNormalMagnitude
    let bits = (isSmall ? x * 33_554_432 : x).bitPattern
    var e = Float(Int32(bits >> 23) - 126) + (isSmall ? -25 : 0)
    var m = Float(bitPattern: bits & 0x007F_FFFF | 0x3F00_0000)
    let isLow = 0.707106781186547524 > m
    e -= isLow ? 1 : 0
    m = (isLow ? m + m : m) - 1
    let z = m * m
    var p: Float = 7.0376836292e-2
    p = p * m + -1.1514610310e-1
    p = p * m + 1.1676998740e-1
    p = p * m + -1.2420140846e-1
    p = p * m + 1.4249322787e-1
    p = p * m + -1.6668057665e-1
    p = p * m + 2.0000714765e-1
    p = p * m + -2.4999993993e-1
    p = p * m + 3.3333331174e-1
    var y = m * z * p
    y = y + e * -2.12194440e-4
    y = y - 0.5 * z
    return m + y + e * 0.693359375
  }

  public static func tanh(_ x: Float) -> Float { Elementwise.tanh(x) }

  public static func normal(uniform: Float) -> Float {
    let x = uniform + uniform - 1 + 0x1p-24
    let w = -log((1 - x) * (1 + x))
    let isNear = 5 > w
    let t = isNear ? w - 2.5 : w.squareRoot() - 3
    let factors: [Float] =
      isNear
      ? [
        2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
        -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
      ]
      : [
        -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
        -0.0076224613, 0.00943887047, 1.00167406, 2.83297682,
      ]
    var p = factors[0]
    for factor in factors.dropFirst() { p = p * t + factor }
    return 1.41421356 * (p * x)
  }

  /// To an integer, towards zero; the ends of the range for what lies beyond, 0 for NaN.
  public static func integer(_ x: Float) -> Int32 {
    if x.isNaN { return 0 }
    if x >= 2_147_483_648 { return .max }
    return x < -2_147_483_648 ? .min : Int32(x)
  }

  /// The uniform number of a neuron, by the counter of its step; `random` has the seed and the site.
  public static func uniform(
    _ random: CounterRandom, stream: UInt32, step: UInt64, neuron: Int
  ) -> Float {
    let (block, rest) = (neuron / 32, neuron % 32)
    let words = random.words(
      stream: stream, step: step, index: UInt32(truncatingIfNeeded: 8 * block + rest % 8))
    return Float(words[rest / 8] >> 8) * 0x1p-24
  }

  /// One lane of an instruction that computes a row, as bits.
  public static func lane(
    _ operation: LaneOperation, _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32, _ e: UInt32 = 0
  ) -> UInt32 {
    let (x, y, z, w) = (
      Float(bitPattern: a), Float(bitPattern: b), Float(bitPattern: c), Float(bitPattern: d)
    )
    let (i, j) = (Int32(bitPattern: a), Int32(bitPattern: b))
    func number(_ value: Float) -> UInt32 { value.bitPattern }
    func whole(_ value: Int32) -> UInt32 { UInt32(bitPattern: value) }
    func condition(_ value: Bool) -> UInt32 { value ? .max : 0 }
    switch operation {
    case .copy, .value: return a
    case .add: return number(x + y)
    case .subtract: return number(x - y)
    case .multiply: return number(x * y)
    case .divide: return number(x / y)
    case .negative: return a ^ 0x8000_0000
    case .abs: return a & 0x7FFF_FFFF
    case .min: return y > x ? a : b
    case .max: return x > y ? a : b
    case .floor: return number(x.rounded(.down))
    case .sqrt: return number(x.squareRoot())
    case .exp: return number(exp(x))
    case .log: return number(log(x))
    case .tanh: return number(tanh(x))
    case .multiplyAdd: return number(x * y + z)
    case .multiplySubtract: return number(x * y - z)
    case .subtractProduct: return number(z - x * y)
    case .twoProducts: return number(x * y + z * w)
    case .addTwoProducts: return number(Float(bitPattern: e) + x * y + z * w)
    case .sumTimesAdd: return number((y + z) * x + w)
    case .greater: return condition(x > y)
    case .greaterEqual: return condition(x >= y)
    case .equal: return condition(x == y)
    case .and: return a & b
    case .or: return a | b
    case .not: return ~a
    case .select: return a != 0 ? b : c
    case .selectGreater: return x > y ? c : d
    case .selectGreaterEqual: return x >= y ? c : d
    case .addIntegers: return a &+ b
    case .subtractIntegers: return a &- b
    case .multiplyIntegers: return whole(i &* j)
    case .negativeInteger: return 0 &- a
    case .absInteger: return i < 0 ? 0 &- a : a
    case .minIntegers: return i < j ? a : b
    case .maxIntegers: return i > j ? a : b
    case .shiftLeft: return a << (b & 31)
    case .shiftRight: return whole(i >> (j & 31))
    case .greaterIntegers: return condition(i > j)
    case .greaterEqualIntegers: return condition(i >= j)
    case .equalIntegers: return condition(i == j)
    case .toInteger: return whole(integer(x))
    case .toNumber: return number(Float(i))
    case .normal: return number(normal(uniform: x))
    case .uniform: return a
    case .spike: return number(a != 0 ? 1 : 0)
    case .count: return a
    case .commit, .commitIntegers, .resetListed: return a
    case .fireGreater: return x > y ? c : a
    case .fireGreaterEqual: return x >= y ? c : a
    }
  }
}
