import ArcuateKernelTypes
import CShims

/// How weights lie in memory.
///
/// Sums are made of the numbers that `load` gives, whatever their width in memory; where these are
/// not yet weights, a sum s of them stands for bias + scale * s.
protocol WeightElement {
  static var byteCount: Int { get }
  static var isScaled: Bool { get }
  /// Sixteen consecutive weights from an address aligned to sixteen of them.
  static func load16(_ p: UnsafeRawPointer) -> SIMD16<Float>
}

enum Float32Weight: WeightElement {
  @inline(__always) static var byteCount: Int { 4 }
  @inline(__always) static var isScaled: Bool { false }
  @inline(__always) static func load16(_ p: UnsafeRawPointer) -> SIMD16<Float> {
    p.load(as: SIMD16<Float>.self)
  }
}

enum BFloat16Weight: WeightElement {
  @inline(__always) static var byteCount: Int { 2 }
  @inline(__always) static var isScaled: Bool { false }
  @inline(__always) static func load16(_ p: UnsafeRawPointer) -> SIMD16<Float> {
    cshims_load_bf16x16(p)
  }
}

/// A byte is a weight plus 128, of one scale for each output.
enum Int8Weight: WeightElement {
  @inline(__always) static var byteCount: Int { 1 }
  @inline(__always) static var isScaled: Bool { true }
  @inline(__always) static func load16(_ p: UnsafeRawPointer) -> SIMD16<Float> {
    cshims_load_centred_x16(p)
  }
}

extension WeightMatrix {
  /// Where a sum of sixteen outputs begins: the bias, or 0 where it is added at the end.
  @inline(__always)
  func start16<E: WeightElement>(_: E.Type, _ column: Int) -> SIMD16<Float> {
    E.isScaled ? SIMD16(repeating: 0) : load16(bias + column)
  }

  /// What a sum of sixteen outputs stands for.
  @inline(__always)
  func finish16<E: WeightElement>(_: E.Type, _ sum: SIMD16<Float>, _ column: Int) -> SIMD16<Float> {
    E.isScaled ? load16(bias + column) + load16(scale + column) * sum : sum
  }
}

/// Asks for `byteCount` bytes, a multiple of 64, from an address, as far as the second-level cache.
@inline(__always)
func prefetchFar(_ p: UnsafeRawPointer, byteCount: Int) {
  var at = 0
  while at < byteCount {
    cshims_prefetch_far(p + at)
    at &+= 64
  }
}

/// Asks for `byteCount` bytes, a multiple of 64, from an address.
@inline(__always)
func prefetch(_ p: UnsafeRawPointer, byteCount: Int) {
  var at = 0
  while at < byteCount {
    cshims_prefetch(p + at)
    at &+= 64
  }
}
