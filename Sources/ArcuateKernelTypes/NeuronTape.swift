/// What stands for the derivative of a spike, as its kernel needs it.
///
/// | kind        | derivative at x, d steps after the last spike | a     | b      |
/// |-------------|-----------------------------------------------|-------|--------|
/// | box         | b where |x| < a                               | width | height |
/// | triangle    | b max(0, 1 - |x| / a)                         | width | height |
/// | fastSigmoid | 1 / (1 + a |x|)^2                             | slope |        |
/// | arctan      | a / 2 / (1 + (pi / 2 a x)^2)                  | slope |        |
/// | spikeTime   | a exp(-b d)                                   | alpha | beta   |
public struct SurrogateShape: BitwiseCopyable, Sendable, Equatable {
  public enum Kind: UInt8, BitwiseCopyable, Sendable {
    case box, triangle, fastSigmoid, arctan, spikeTime
  }
  public var kind: Kind
  public var a, b: Float

  @inlinable
  public init(kind: Kind, a: Float, b: Float = 0) {
    self.kind = kind
    self.a = a
    self.b = b
  }
}

/// One row of neurons at one step, as it was recorded for the backward pass.
///
/// `membrane` is the one that was compared, before any reset; `current` is only there with a
/// synapse, and the `before` of each is that of the step before.
public struct NeuronTape {
  public var membraneBefore, spikesBefore, currentBefore: UnsafePointer<Float>
  public var membrane, spikes, current: UnsafeMutablePointer<Float>

  @inlinable
  public init(
    membraneBefore: UnsafePointer<Float>, spikesBefore: UnsafePointer<Float>,
    currentBefore: UnsafePointer<Float>, membrane: UnsafeMutablePointer<Float>,
    spikes: UnsafeMutablePointer<Float>, current: UnsafeMutablePointer<Float>
  ) {
    self.membraneBefore = membraneBefore
    self.spikesBefore = spikesBefore
    self.currentBefore = currentBefore
    self.membrane = membrane
    self.spikes = spikes
    self.current = current
  }
}
