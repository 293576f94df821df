import ArcuateCore
import ArcuateKernels
import ArcuateModel

extension Convolution {
  /// Its geometry between an input and an output of these shapes; with one axis the height is 1.
  package func geometry(input: Shape, output: Shape) -> ConvolutionGeometry {
    let kernel = weight.shape
    let flat = axes == 1
    let pads = pads()
    return ConvolutionGeometry(
      inHeight: flat ? 1 : input[1], inWidth: flat ? input[1] : input[2], inChannels: input[0],
      outHeight: flat ? 1 : output[1], outWidth: flat ? output[1] : output[2],
      outChannels: output[0], kernelHeight: flat ? 1 : kernel[2],
      kernelWidth: flat ? kernel[2] : kernel[3], strideY: flat ? 1 : stride[0],
      strideX: stride.last!, padTop: flat ? 0 : pads[0].before, padLeft: pads.last!.before,
      dilationY: flat ? 1 : dilation[0], dilationX: dilation.last!, groups: groups)
  }
}
