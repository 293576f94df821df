import CShims

// Functions of numbers that have the same bits on every machine; `Reference` has them for one number.

/// e to the power of x, within 2 units of the last position.
/// Source. The polynomial of Cephes' `expf`.
@inline(__always)
func laneExp(_ x: Lanes) -> Lanes {
  @inline(__always) func all(_ number: Float) -> Lanes { Lanes(repeating: number) }
  let low = cshims_select(cshims_greater(all(-104), x), all(-104), x)
  let near = cshims_select(cshims_greater(low, all(89)), all(89), low)
  // What is not a number must not become an integer.
  let isNumber = cshims_equal(x, x)
  let y = cshims_select(isNumber, near, .zero)
  let n = cshims_floor(y * all(1.44269504088896341) + all(0.5))
  let r = y - n * all(0.693359375) - n * all(-2.12194440e-4)
  var p = all(1.9875691500e-4)
  p = p * r + all(1.3981999507e-3)
  p = p * r + all(8.3334519073e-3)
  p = p * r + all(4.1665795894e-2)
  p = p * r + all(1.6666665459e-1)
  p = p * r + all(5.0000001201e-1)
  p = p * (r * r) + r + all(1)
  return cshims_select(isNumber, cshims_scale(p, cshims_to_integers(n)), x)
}

/// The natural logarithm, within 2 units of the last position.
/// Source. The polynomial of Cephes' `logf`.
@inline(__always)
func laneLog(_ x: Lanes) -> Lanes {
  @inline(__always) func all(_ number: Float) -> Lanes { Lanes(repeating: number) }
  @inline(__always) func all(_ number: Int32) -> LaneMask { LaneMask(repeating: number) }
  // Subnormal numbers times 2^25.
  let isSmall = cshims_greater(all(Float.leastNormalMagnitude), x)
  let scaled = cshims_select(isSmall, x * all(33_554_432), x)
  let bits = cshims_as_integers(scaled)
  let shift = cshims_select(isSmall, all(Float(-25)), .zero)
  // The fraction within 0.5 ..< 1, and the power of two that goes with it.
  let field = cshims_shift_right(bits, all(23)) & all(255)
  var e = cshims_to_numbers(cshims_subtract_integers(field, all(126))) + shift
  var m = cshims_as_lanes(bits & all(0x007F_FFFF) | all(0x3F00_0000))
  let isLow = cshims_greater(all(0.707106781186547524), m)
  e = e - cshims_select(isLow, all(Float(1)), .zero)
  m = cshims_select(isLow, m + m, m) - all(Float(1))
  let z = m * m
  var p = all(7.0376836292e-2)
  p = p * m + all(-1.1514610310e-1)
  p = p * m + all(1.1676998740e-1)
  p = p * m + all(-1.2420140846e-1)
  p = p * m + all(1.4249322787e-1)
  p = p * m + all(-1.6668057665e-1)
  p = p * m + all(2.0000714765e-1)
  p = p * m + all(-2.4999993993e-1)
  p = p * m + all(3.3333331174e-1)
  var y = m * z * p
  y = y + e * all(-2.12194440e-4)
  y = y - all(Float(0.5)) * z
  let result = m + y + e * all(Float(0.693359375))
  let zero = Lanes.zero
  var out = cshims_select(cshims_equal(x, all(Float.infinity)), x, result)
  out = cshims_select(cshims_equal(x, zero), all(-Float.infinity), out)
  out = cshims_select(cshims_greater(zero, x), all(Float.nan), out)
  return cshims_select(cshims_equal(x, x), out, x)
}

/// The hyperbolic tangent, within 7 units of the last position.
/// Source. The quotient of polynomials of Eigen's `ptanh`; beyond 7.905 it is 1.
@inline(__always)
func laneTanh(_ x: Lanes) -> Lanes {
  @inline(__always) func all(_ number: Float) -> Lanes { Lanes(repeating: number) }
  let most = all(7.9053111)
  let low = cshims_select(cshims_greater(cshims_negative(most), x), cshims_negative(most), x)
  let y = cshims_select(cshims_greater(low, most), most, low)
  let square = y * y
  var above = all(-2.76076847742355e-16)
  above = above * square + all(2.00018790482477e-13)
  above = above * square + all(-8.60467152213735e-11)
  above = above * square + all(5.12229709037114e-08)
  above = above * square + all(1.48572235717979e-05)
  above = above * square + all(6.37261928875436e-04)
  above = above * square + all(4.89352455891786e-03)
  var below = all(1.19825839466702e-06)
  below = below * square + all(1.18534705686654e-04)
  below = below * square + all(2.26843463243900e-03)
  below = below * square + all(4.89352518554385e-03)
  return y * above / below
}

/// The number below which a normal number lies with the probability of a uniform one of 24 bits.
/// Source. Giles, "Approximating the erfinv function", GPU Computing Gems 2, 2011.
@inline(__always)
func laneNormal(_ uniform: Lanes) -> Lanes {
  @inline(__always) func all(_ number: Float) -> Lanes { Lanes(repeating: number) }
  let x = uniform + uniform - all(1) + all(0x1p-24)
  let w = cshims_negative(laneLog((all(1) - x) * (all(1) + x)))
  let near = w - all(2.5)
  var p = all(2.81022636e-08)
  p = p * near + all(3.43273939e-07)
  p = p * near + all(-3.5233877e-06)
  p = p * near + all(-4.39150654e-06)
  p = p * near + all(0.00021858087)
  p = p * near + all(-0.00125372503)
  p = p * near + all(-0.00417768164)
  p = p * near + all(0.246640727)
  p = p * near + all(1.50140941)
  let far = cshims_sqrt(w) - all(3)
  var q = all(-0.000200214257)
  q = q * far + all(0.000100950558)
  q = q * far + all(0.00134934322)
  q = q * far + all(-0.00367342844)
  q = q * far + all(0.00573950773)
  q = q * far + all(-0.0076224613)
  q = q * far + all(0.00943887047)
  q = q * far + all(1.00167406)
  q = q * far + all(2.83297682)
  return all(1.41421356) * (cshims_select(cshims_greater(all(5), w), p, q) * x)
}
