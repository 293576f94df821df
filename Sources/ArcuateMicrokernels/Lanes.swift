/// As many floats as one register has: `cshims.h` compares and selects them.
#if ARCUATE_WIDE
  typealias Lanes = SIMD16<Float>
  typealias LaneMask = SIMD16<Int32>
#else
  typealias Lanes = SIMD8<Float>
  typealias LaneMask = SIMD8<Int32>
#endif

/// How many these are.
@inline(__always)
var laneCount: Int { Lanes.scalarCount }

/// The bits of the lanes from element `i` on that are among the first `count`.
@inline(__always)
func lanes(from i: Int, of count: Int) -> UInt32 {
  let left = min(count &- i, laneCount)
  return (1 << UInt32(truncatingIfNeeded: left)) &- 1
}

@inline(__always)
func load(_ p: UnsafePointer<Float>) -> Lanes { UnsafeRawPointer(p).load(as: Lanes.self) }

@inline(__always)
func store(_ v: Lanes, _ p: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(p).storeBytes(of: v, as: Lanes.self)
}

@inline(__always)
func load16(_ p: UnsafePointer<Float>) -> SIMD16<Float> {
  UnsafeRawPointer(p).load(as: SIMD16<Float>.self)
}

@inline(__always)
func store16(_ v: SIMD16<Float>, _ p: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(p).storeBytes(of: v, as: SIMD16<Float>.self)
}
