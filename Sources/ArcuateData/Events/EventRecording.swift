import ArcuateCore
import ArcuateFormats

/// The recording of an event camera: changes of brightness of single pixels.
public struct EventRecording: Sendable, Equatable {
  public struct Change: BitwiseCopyable, Sendable, Hashable {
    /// Microseconds since the start of the recording's clock.
    public var time_us: Int64
    /// From the left.
    public var x: UInt16
    /// From the top.
    public var y: UInt16
    /// Brighter rather than darker.
    public var on: Bool

    public init(time_us: Int64, x: UInt16, y: UInt16, on: Bool) {
      self.time_us = time_us
      self.x = x
      self.y = y
      self.on = on
    }
  }

  public var width: Int
  public var height: Int
  /// In the order of the file.
  public var changes: [Change]

  public init(width: Int, height: Int, changes: [Change]) {
    self.width = width
    self.height = height
    self.changes = changes
  }
}

extension EventRecording {
  /// The recording as input events of a network with an input of shape [2, height, width]: darker
  /// is channel 0, brighter channel 1, and several changes of a pixel within a step add up.
  ///
  /// The first step begins with the earliest change; changes after the last step are left out.
  /// Shapes. Sorted by step; within a step in the order of the file.
  /// Throws. `invalidArgument` for a step length or number of steps out of range, or a change
  /// outside the sensor.
  public func events(
    microsecondsPerStep: Int64, steps: Int, stream: UInt16 = 0, port: UInt16 = 0
  ) throws(ArcuateError) -> [Event] {
    guard microsecondsPerStep > 0, steps >= 0, steps <= 1 << 31 else {
      throw ArcuateError(
        .invalidArgument, "\(steps) steps of \(microsecondsPerStep) us are out of range")
    }
    guard width >= 0, height >= 0, width <= 1 << 15, height <= 1 << 15 else {
      throw ArcuateError(
        .invalidArgument, "a sensor of \(width) x \(height) pixels is out of range")
    }
    guard let start = changes.lazy.map(\.time_us).min() else { return [] }
    var events: [Event] = []
    events.reserveCapacity(changes.count)
    for (i, change) in changes.enumerated() {
      guard Int(widening: change.x) < width, Int(widening: change.y) < height else {
        throw ArcuateError(
          .invalidArgument, "pixel (\(change.x), \(change.y)) is outside \(width) x \(height)",
          at: "change \(i)")
      }
      let (since, overflow) = change.time_us.subtractingReportingOverflow(start)
      guard !overflow, since / microsecondsPerStep < steps else { continue }
      let channel = change.on ? 1 : 0
      events.append(
        Event(
          step: UInt32(truncatingIfNeeded: since / microsecondsPerStep), stream: stream, port: port,
          index: UInt32(
            truncatingIfNeeded: (channel * height + Int(widening: change.y)) * width
              + Int(widening: change.x))))
    }
    // Stable: the position in the file decides between equal steps.
    let order = events.indices.sorted { (events[$0].step, $0) < (events[$1].step, $1) }
    return order.map { events[$0] }
  }
}
