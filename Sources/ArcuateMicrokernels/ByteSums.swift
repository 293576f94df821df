import ArcuateKernelTypes
import CShims

/// The outputs of a panel of int8 weights: two lines of a cache, four where there are registers for their
/// sums.
@inline(__always)
var bytesPanel: Int {
  #if ARCUATE_WIDE
    manyBytesPanel(isWide: true)
  #else
    manyBytesPanel(isWide: false)
  #endif
}

/// The narrow sums of a panel: those of whole words, a line each, and those of their upper bytes.
struct ByteSums {
  private var a0, a1, b0, b1: SIMD32<UInt16>
  #if ARCUATE_WIDE
    private var a2, a3, b2, b3: SIMD32<UInt16>
  #endif

  @inline(__always)
  init(_ row: UnsafeRawPointer) {
    let upper = row + bytesPanel
    (a0, a1) = (loadLine(row), loadLine(row + 64))
    (b0, b1) = (loadLine(upper), loadLine(upper + 64))
    #if ARCUATE_WIDE
      (a2, a3) = (loadLine(row + 128), loadLine(row + 192))
      (b2, b3) = (loadLine(upper + 128), loadLine(upper + 192))
    #endif
  }

  /// Zeros.
  @inline(__always)
  init() {
    (a0, a1, b0, b1) = (.zero, .zero, .zero, .zero)
    #if ARCUATE_WIDE
      (a2, a3, b2, b3) = (.zero, .zero, .zero, .zero)
    #endif
  }

  @inline(__always)
  mutating func add(_ weights: UnsafeRawPointer) {
    ByteSums.add(weights, &a0, &b0)
    ByteSums.add(weights + 64, &a1, &b1)
    #if ARCUATE_WIDE
      ByteSums.add(weights + 128, &a2, &b2)
      ByteSums.add(weights + 192, &a3, &b3)
    #endif
  }

  /// The same where the panel's first `width` bytes are all that there is.
  @inline(__always)
  mutating func add(_ weights: UnsafeRawPointer, width: Int) {
    ByteSums.add(weights, &a0, &b0)
    if width > 64 { ByteSums.add(weights + 64, &a1, &b1) }
    #if ARCUATE_WIDE
      if width > 128 { ByteSums.add(weights + 128, &a2, &b2) }
      if width > 192 { ByteSums.add(weights + 192, &a3, &b3) }
    #endif
  }

  @inline(__always)
  private static func add(
    _ p: UnsafeRawPointer, _ words: inout SIMD32<UInt16>, _ upper: inout SIMD32<UInt16>
  ) {
    let line = loadLine(p)
    words &+= line
    upper &+= cshims_upper_x32(line)
  }

  @inline(__always)
  func store(_ row: UnsafeMutableRawPointer) {
    let upper = row + bytesPanel
    storeLine(a0, row)
    storeLine(a1, row + 64)
    storeLine(b0, upper)
    storeLine(b1, upper + 64)
    #if ARCUATE_WIDE
      storeLine(a2, row + 128)
      storeLine(a3, row + 192)
      storeLine(b2, upper + 128)
      storeLine(b3, upper + 192)
    #endif
  }
}

/// Moves the sums of a bytesPanel's columns of `count` bytes to wide ones, and clears them.
func emptyByteSums(
  _ row: UnsafeMutableRawPointer, _ wide: UnsafeMutablePointer<Int32>, _ count: Int32,
  isFirst: Bool
) {
  if isFirst { clearWords(UnsafeMutableRawPointer(wide), 4 &* bytesPanel) }
  var k = 0
  while k < bytesPanel {
    cshims_add_bytes(loadWords(row + k), loadWords(row + (bytesPanel &+ k)), count &* 128, wide + k)
    k &+= 32
  }
  clearWords(row, 2 &* bytesPanel)
}

/// y[o ..< o + width], as far as `end`, = bias + scale * (the narrow sums, and the wide ones if there are).
/// `excess` is what the bytes of the narrow sums are above the weights; y starts at output 0.
@inline(__always)
func finishByteSums(
  _ row: UnsafeRawPointer, width: Int, excess: Int32, wide: UnsafeMutablePointer<Int32>?,
  _ weights: WeightMatrix, column o: Int, end: Int, _ y: UnsafeMutablePointer<Float>
) {
  var k = 0
  while k < width {
    let column = o &+ k
    cshims_finish_bytes(
      loadWords(row + k), loadWords(row + (bytesPanel &+ k)), excess, wide.map { $0 + k },
      weights.bias + column, weights.scale + column, y + column,
      Int32(truncatingIfNeeded: min(32, end &- column)))
    k &+= 32
  }
}

@inline(__always)
func clearWords(_ p: UnsafeMutableRawPointer, _ byteCount: Int) {
  var k = 0
  while k < byteCount {
    storeWords(.zero, p + k)
    k &+= 32
  }
}

@inline(__always)
func loadWords(_ p: UnsafeRawPointer) -> SIMD16<UInt16> { p.load(as: SIMD16<UInt16>.self) }

@inline(__always)
func storeWords(_ v: SIMD16<UInt16>, _ p: UnsafeMutableRawPointer) {
  p.storeBytes(of: v, as: SIMD16<UInt16>.self)
}

@inline(__always)
func loadLine(_ p: UnsafeRawPointer) -> SIMD32<UInt16> { p.load(as: SIMD32<UInt16>.self) }

@inline(__always)
func storeLine(_ v: SIMD32<UInt16>, _ p: UnsafeMutableRawPointer) {
  p.storeBytes(of: v, as: SIMD32<UInt16>.self)
}
