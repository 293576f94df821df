/// A nonzero element of a signal at one step: 16 bytes, with the layout of the C interface.
@frozen
public struct Event: BitwiseCopyable, Sendable, Hashable {
  /// Counted from the first step of the call.
  public var step: UInt32
  public var stream: UInt16
  public var port: UInt16
  /// Row-major, channel-first.
  public var index: UInt32
  public var value: Float

  public init(step: UInt32, stream: UInt16 = 0, port: UInt16 = 0, index: UInt32, value: Float = 1) {
    self.step = step
    self.stream = stream
    self.port = port
    self.index = index
    self.value = value
  }
}
