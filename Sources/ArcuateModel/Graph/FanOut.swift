import ArcuateCore

extension Convolution {
  /// How many non-zero weights each input element meets, channel-last, and how many weights all
  /// inputs meet if none is zero. Positions in the padding count for neither.
  public func fanOut(input: Shape?, output: Shape) -> (perInput: [UInt32], dense: UInt64) {
    guard let input, weight.shape.count > 0 else { return ([], 0) }
    let flat = axes == 1
    let kernel = flat ? [1, weight.shape[2]] : [weight.shape[2], weight.shape[3]]
    let size = flat ? [1, input[1]] : [input[1], input[2]]
    let out = flat ? [1, output[1]] : [output[1], output[2]]
    let stride = flat ? [1, stride[0]] : stride
    let dilation = flat ? [1, dilation[0]] : dilation
    let pads = flat ? [0, pads()[0].before] : pads().map(\.before)
    let inPerGroup = weight.shape[1]
    let channels = inPerGroup * groups
    let outPerGroup = weight.shape[0] / groups
    let window = kernel[0] * kernel[1]
    let values = weight.floats
    // Non-zero weights by input channel and kernel position.
    var present = [UInt32](repeating: 0, count: channels * window)
    for o in 0..<weight.shape[0] {
      for i in 0..<inPerGroup {
        for k in 0..<window where values[(o * inPerGroup + i) * window + k] != 0 {
          present[((o / outPerGroup) * inPerGroup + i) * window + k] += 1
        }
      }
    }
    var fan = [UInt32](repeating: 0, count: channels * size[0] * size[1])
    var dense: UInt64 = 0
    for y in 0..<size[0] {
      for x in 0..<size[1] {
        for ky in 0..<kernel[0] {
          let ty = y + pads[0] - ky * dilation[0]
          guard ty >= 0, ty % stride[0] == 0, ty / stride[0] < out[0] else { continue }
          for kx in 0..<kernel[1] {
            let tx = x + pads[1] - kx * dilation[1]
            guard tx >= 0, tx % stride[1] == 0, tx / stride[1] < out[1] else { continue }
            dense += UInt64(clamping: channels * outPerGroup)
            for c in 0..<channels {
              fan[(y * size[1] + x) * channels + c] += present[c * window + ky * kernel[1] + kx]
            }
          }
        }
      }
    }
    return (fan, dense)
  }

  /// The same, with the inputs channel-first.
  public func fanOutByChannel(input: Shape?, output: Shape) -> (perInput: [UInt32], dense: UInt64) {
    let (fan, dense) = fanOut(input: input, output: output)
    guard let input, !fan.isEmpty, fan.count == input.count else { return (fan, dense) }
    let channels = input[0]
    let pixels = fan.count / channels
    return (fan.indices.map { fan[$0 % pixels * channels + $0 / pixels] }, dense)
  }
}
