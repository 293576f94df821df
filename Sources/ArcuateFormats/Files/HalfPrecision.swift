extension Float {
  /// The number with these bits in IEEE half precision, exactly; `Float16` is not available on
  /// every platform.
  init(halfBits bits: UInt16) {
    let exponent = Int(widening: bits >> 10 & 31)
    let fraction = Float(bits & 1023) / 1024
    let magnitude: Float =
      switch exponent {
      case 0: fraction * 0x1p-14
      case 31: fraction == 0 ? .infinity : .nan
      default: Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction)
      }
    self = bits >> 15 == 1 ? -magnitude : magnitude
  }
}
