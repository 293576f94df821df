/// The geometry of a convolution over channel-last arrays; a 1-D convolution has height 1.
public struct ConvolutionGeometry: Sendable {
  public var inHeight, inWidth, inChannels: Int
  public var outHeight, outWidth, outChannels: Int
  public var kernelHeight, kernelWidth: Int
  public var strideY, strideX: Int
  public var padTop, padLeft: Int
  public var dilationY, dilationX: Int
  public var groups: Int
  /// Floats from one weight row [in channel][ky][kx] to the next: out channels per group, padded.
  public var rowStride: Int

  public init(
    inHeight: Int, inWidth: Int, inChannels: Int, outHeight: Int, outWidth: Int,
    outChannels: Int, kernelHeight: Int, kernelWidth: Int, strideY: Int, strideX: Int,
    padTop: Int, padLeft: Int, dilationY: Int, dilationX: Int, groups: Int, rowStride: Int
  ) {
    self.inHeight = inHeight
    self.inWidth = inWidth
    self.inChannels = inChannels
    self.outHeight = outHeight
    self.outWidth = outWidth
    self.outChannels = outChannels
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.strideY = strideY
    self.strideX = strideX
    self.padTop = padTop
    self.padLeft = padLeft
    self.dilationY = dilationY
    self.dilationX = dilationX
    self.groups = groups
    self.rowStride = rowStride
  }
}

/// Adds to y, for every input of `list` in order, its value times the kernel it is seen through.
///
/// Needs. x [inHeight][inWidth][inChannels], y [outHeight][outWidth][outChannels] holding the
/// biases, weights [inChannels][kernelHeight][kernelWidth][rowStride]; indices within x.
@inline(never)
public func convolutionEvents(
  input x: UnsafePointer<Float>, list: UnsafePointer<UInt32>, listCount: Int,
  weights: UnsafePointer<Float>, geometry g: ConvolutionGeometry,
  output y: UnsafeMutablePointer<Float>
) {
  let kernelSize = g.kernelHeight &* g.kernelWidth &* g.rowStride
  let outPerGroup = g.outChannels / g.groups
  let inPerGroup = g.inChannels / g.groups
  for e in 0..<listCount {
    let index = Int(list[e])
    let (pixel, channel) = index.quotientAndRemainder(dividingBy: g.inChannels)
    let (py, px) = pixel.quotientAndRemainder(dividingBy: g.inWidth)
    let value = x[index]
    let kernel = weights + channel &* kernelSize
    let firstOut = (channel / inPerGroup) &* outPerGroup
    for ky in 0..<g.kernelHeight {
      let ty = py &+ g.padTop &- ky &* g.dilationY
      guard ty >= 0 else { break }
      let oy = g.strideY == 1 ? ty : ty / g.strideY
      guard oy < g.outHeight, oy &* g.strideY == ty else { continue }
      for kx in 0..<g.kernelWidth {
        let tx = px &+ g.padLeft &- kx &* g.dilationX
        guard tx >= 0 else { break }
        let ox = g.strideX == 1 ? tx : tx / g.strideX
        guard ox < g.outWidth, ox &* g.strideX == tx else { continue }
        addScaled(
          kernel + ((ky &* g.kernelWidth &+ kx) &* g.rowStride), value,
          y + ((oy &* g.outWidth &+ ox) &* g.outChannels &+ firstOut), outPerGroup)
      }
    }
  }
}

/// y += w * value over `count` elements: multiply, then add.
@inline(__always)
func addScaled(
  _ w: UnsafePointer<Float>, _ value: Float, _ y: UnsafeMutablePointer<Float>, _ count: Int
) {
  let raw = UnsafeMutableRawPointer(y)
  let weights = UnsafeRawPointer(w)
  var i = 0
  while i + 8 <= count {
    let sum =
      raw.loadUnaligned(fromByteOffset: 4 &* i, as: SIMD8<Float>.self)
      + weights.loadUnaligned(fromByteOffset: 4 &* i, as: SIMD8<Float>.self) * value
    raw.storeBytes(of: sum, toByteOffset: 4 &* i, as: SIMD8<Float>.self)
    i += 8
  }
  if i + 4 <= count {
    let sum =
      raw.loadUnaligned(fromByteOffset: 4 &* i, as: SIMD4<Float>.self)
      + weights.loadUnaligned(fromByteOffset: 4 &* i, as: SIMD4<Float>.self) * value
    raw.storeBytes(of: sum, toByteOffset: 4 &* i, as: SIMD4<Float>.self)
    i += 4
  }
  while i < count {
    y[i] += w[i] * value
    i += 1
  }
}
