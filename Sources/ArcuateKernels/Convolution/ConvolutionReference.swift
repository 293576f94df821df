import ArcuateCore
import ArcuateKernelTypes

extension Reference {
  /// Channel-last rows; weight [out][in / groups][ky][kx]; inputs in ascending (y, x, channel).
  public static func convolution(
    input x: [Float], weight: [Float], bias: [Float], geometry g: ConvolutionGeometry
  ) -> [Float] {
    let inPerGroup = g.inChannels / g.groups
    let outPerGroup = g.outChannels / g.groups
    var y = [Float](repeating: 0, count: g.outputCount)
    for oy in 0..<g.outHeight {
      for ox in 0..<g.outWidth {
        for o in 0..<g.outChannels {
          var sum = bias[o] + 0
          for ky in 0..<g.kernelHeight {
            let iy = oy * g.strideY - g.padTop + ky * g.dilationY
            guard iy >= 0, iy < g.inHeight else { continue }
            for kx in 0..<g.kernelWidth {
              let ix = ox * g.strideX - g.padLeft + kx * g.dilationX
              guard ix >= 0, ix < g.inWidth else { continue }
              for i in 0..<inPerGroup {
                let channel = (o / outPerGroup) * inPerGroup + i
                let value = x[(iy * g.inWidth + ix) * g.inChannels + channel]
                if value != 0 {
                  sum +=
                    weight[((o * inPerGroup + i) * g.kernelHeight + ky) * g.kernelWidth + kx]
                    * value
                }
              }
            }
          }
          y[(oy * g.outWidth + ox) * g.outChannels + o] = sum
        }
      }
    }
    return y
  }
}
