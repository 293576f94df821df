import ArcuateCore
import ArcuateKernelTypes

/// The cases of convolution kernels.
enum ConvolutionCases {
  static let all: [KernelCases] = [
    convolution(.convolutionEvents), convolution(.convolutionWindows),
  ]

  private static func convolution(_ kernel: Kernel) -> KernelCases {
    KernelCases(
      kernel: kernel,
      extents: [
        [1, 4, 5], [1, 2, 7], [1, 3, 8, 12, 13, 20, 33], [1, 2, 3], [1, 2], [0, 1, 2], [1, 2],
      ]
    ) { (extents, draw) throws(ArcuateError) in
      try convolve(byWindows: kernel == .convolutionWindows, extents, &draw)
    }
  }

  private static func convolve(
    byWindows: Bool, _ extents: [Int], _ draw: inout Draw
  ) throws(ArcuateError) -> String? {
    let (size, inPerGroup, outPerGroup) = (extents[0] + 2, extents[1], extents[2])
    let (kernel, stride, pad, groups) = (extents[3], extents[4], extents[5], extents[6])
    let dilation = size > 5 ? 2 : 1
    // Height and width differ, and so do the kernel's.
    func out(_ n: Int, _ k: Int) -> Int { (n + 2 * pad - dilation * (k - 1) - 1) / stride + 1 }
    let kernelWidth = max(1, kernel - 1)
    guard size + 2 * pad > dilation * (kernel - 1) else { return nil }
    let g = ConvolutionGeometry(
      inHeight: size, inWidth: size + 1, inChannels: inPerGroup * groups,
      outHeight: out(size, kernel), outWidth: out(size + 1, kernelWidth),
      outChannels: outPerGroup * groups, kernelHeight: kernel, kernelWidth: kernelWidth,
      strideY: stride, strideX: stride, padTop: pad, padLeft: pad, dilationY: dilation,
      dilationX: dilation, groups: groups)
    let isUnit = draw.uniform() < 0.5
    let density: Float = draw.uniform() < 0.5 ? 0.3 : 0.9
    let x =
      isUnit
      ? draw.spikes(g.inputCount, density: density) : draw.values(g.inputCount, density: density)
    let weight = draw.values(g.outChannels * inPerGroup * kernel * kernelWidth)
    let bias = draw.values(g.outChannels, density: draw.uniform() < 0.3 ? 0 : 1)
    let packed = try ConvolutionWeights(weight: weight, bias: bias, geometry: g)
    let input = try View.packed(x)
    let list = try scratch(UInt32.self, x.count + 16)
    let starts = try scratch(UInt32.self, x.count + 16)
    let output = try scratch(Float.self, g.outputCount + 16)
    defer { withExtendedLifetime((input, list, output, starts)) {} }
    let nonzero = findNonzero(input.row, count: x.count, list: list.row)
    if byWindows {
      guard packed.hasWindows else { return nil }
      packed.applyWindows(
        input: input.row, list: list.row, nonzero: nonzero,
        output: output.row.part(0, (g.outputCount + 15) & ~15), starts: starts.row)
    } else {
      packed.applyEvents(
        input: input.row, list: list.row, nonzero: nonzero, output: output.row)
    }
    for i in g.outputCount..<output.count where output[i] != 0 { return "padding is written" }
    return difference(
      output.row, Reference.convolution(input: x, weight: weight, bias: bias, geometry: g))
  }
}
