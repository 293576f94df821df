import ArcuateCore

/// Lines `t,x,y,p` below a line of these names; times in microseconds.
struct CSVEncoder: EventEncoder {
  private var start = Array("t,x,y,p\n".utf8)

  mutating func encode(_ events: EventColumns, into bytes: inout [UInt8]) throws(ArcuateError) {
    bytes += start
    start = []
    for i in 0..<events.count {
      bytes += "\(events.t[i]),\(events.x[i]),\(events.y[i]),\(events.p[i])\n".utf8
    }
  }

  mutating func finish(into bytes: inout [UInt8]) throws(ArcuateError) {
    bytes += start
    start = []
  }
}
