import ArcuateCore
import ArcuateFormats

/// Event Stream of kind dvs: times that never fall, y from the bottom.
struct EventStreamEncoder: EventEncoder {
  private let height: Int
  private var start: [UInt8]
  private var clock = EncodedClock()
  private var time: Int64 = 0

  init(_ width: Int, _ height: Int) {
    self.height = height
    start = Array("Event Stream".utf8) + [2, 0, 0, 1]
    start.append(little: UInt16(clamping: width))
    start.append(little: UInt16(clamping: height))
  }

  mutating func encode(_ events: EventColumns, into bytes: inout [UInt8]) throws(ArcuateError) {
    bytes += start
    start = []
    for i in 0..<events.count {
      let next = events.t[i]
      // A pause takes a byte for each 127 µs.
      try clock.check(next, first: 1 << 32, forward: 1 << 32, backward: 0)
      var passed = next - time
      time = next
      while passed >= 127 {
        bytes.append(0xFF)
        passed -= 127
      }
      bytes.append(UInt8(truncatingIfNeeded: passed << 1) | (events.p[i] & 1))
      bytes.append(little: events.x[i])
      bytes.append(little: UInt16(truncatingIfNeeded: height - 1 - Int(widening: events.y[i])))
    }
  }

  mutating func finish(into bytes: inout [UInt8]) throws(ArcuateError) {
    bytes += start
    start = []
  }
}

/// Prophesee `.dat`, version 2.
struct DATEncoder: EventEncoder {
  private var start: [UInt8]
  private var clock = EncodedClock()

  init(_ width: Int, _ height: Int) {
    let lines = [
      "Data file containing CD events", "Version 2", "Width \(width)", "Height \(height)", "end",
    ]
    start = lines.flatMap { Array("% \($0)\n".utf8) } + [0x0C, 8]
  }

  mutating func encode(_ events: EventColumns, into bytes: inout [UInt8]) throws(ArcuateError) {
    bytes += start
    start = []
    for i in 0..<events.count {
      let time = events.t[i]
      try clock.check(time, first: 1 << 32, forward: 1 << 31 - 1, backward: 1 << 31)
      let (x, y) = (events.x[i], events.y[i])
      guard x < 1 << 14, y < 1 << 14 else {
        throw ArcuateError(.notRepresentable, "pixel (\(x), \(y)) exceeds 16383")
      }
      bytes.append(little: UInt32(truncatingIfNeeded: time))
      bytes.append(
        little: UInt32(truncatingIfNeeded: x) | UInt32(truncatingIfNeeded: y) << 14
          | UInt32(truncatingIfNeeded: events.p[i] & 1) << 28)
    }
  }

  mutating func finish(into bytes: inout [UInt8]) throws(ArcuateError) {
    bytes += start
    start = []
  }
}

/// The records of N-MNIST, with one for each overflow of the clock.
struct NMNISTEncoder: EventEncoder {
  private var clock = EncodedClock()
  private var passed: Int64 = 0

  mutating func encode(_ events: EventColumns, into bytes: inout [UInt8]) throws(ArcuateError) {
    for i in 0..<events.count {
      let time = events.t[i]
      try clock.check(time, first: 1 << 32, forward: 1 << 32, backward: 1 << 32)
      let (x, y) = (events.x[i], events.y[i])
      guard x < 256, y < 256, y != 240 else {
        throw ArcuateError(
          .notRepresentable, "pixel (\(x), \(y)): x and y must be below 256, and y not 240")
      }
      while time - passed >= 1 << 23 {
        bytes += [0, 240, 0, 0, 0]
        passed += 1 << 13
      }
      guard time >= passed else {
        throw ArcuateError(.notRepresentable, "time \(time) us is before an overflow of the clock")
      }
      let bits = UInt32(truncatingIfNeeded: time - passed)
      bytes.append(UInt8(truncatingIfNeeded: x))
      bytes.append(UInt8(truncatingIfNeeded: y))
      bytes.append(UInt8(truncatingIfNeeded: bits >> 16) | (events.p[i] & 1) << 7)
      bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
      bytes.append(UInt8(truncatingIfNeeded: bits))
    }
  }

  mutating func finish(into bytes: inout [UInt8]) throws(ArcuateError) {}
}
