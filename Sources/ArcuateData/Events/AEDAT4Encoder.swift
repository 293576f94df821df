import ArcuateCore
import ArcuateFormats

/// AEDAT 4 without compression, with the table of packets at the end that DV needs.
struct AEDAT4Encoder: EventEncoder {
  private struct Packet {
    var offset: Int64
    var size: Int32
    var count: Int64
    var first: Int64
    var last: Int64
  }
  private var start: [UInt8]
  private let header: Int
  private var packets: [Packet] = []
  private var position = 0
  private(set) var correction: (bytes: [UInt8], offset: Int)?

  private static let mostEvents = 8192

  init(_ width: Int, _ height: Int) {
    func attribute(_ key: String, _ type: String, _ value: String) -> String {
      "<attr key=\"\(key)\" type=\"\(type)\">\(value)</attr>"
    }
    let text =
      "<dv version=\"2.0\"><node name=\"outInfo\" path=\"/mainloop/Recorder/outInfo/\">"
      + "<node name=\"0\" path=\"/mainloop/Recorder/outInfo/0/\">"
      + attribute("compression", "string", "NONE")
      + attribute("originalModuleName", "string", "arcuate")
      + attribute("originalOutputName", "string", "events")
      + attribute("typeDescription", "string", "Array of events (polarity ON/OFF).")
      + attribute("typeIdentifier", "string", "EVTS")
      + "<node name=\"info\" path=\"/mainloop/Recorder/outInfo/0/info/\">"
      + attribute("sizeX", "int", "\(width)") + attribute("sizeY", "int", "\(height)")
      + attribute("source", "string", "arcuate")
      + "</node></node></node></dv>"
    var table: [UInt8] = []
    for number: UInt32 in [20] { table.append(little: number) }
    table += "IOHE".utf8
    for offset: UInt16 in [10, 24, 4, 8, 16, 0] { table.append(little: offset) }
    // At byte 20: back to the fields at 8, the compression, the position, and the text after it.
    table.append(little: 12 as Int32)
    table.append(little: 0 as Int32)
    table.append(little: -1 as Int64)
    table.append(little: 8 as UInt32)
    table.append(little: 0 as UInt32)
    table.append(little: UInt32(clamping: text.utf8.count))
    table += text.utf8
    table.append(0)
    while table.count % 8 != 4 { table.append(0) }
    start = Array("#!AER-DAT4.0\r\n".utf8)
    start.append(little: UInt32(clamping: table.count))
    start += table
    header = start.count
  }

  mutating func encode(_ events: EventColumns, into bytes: inout [UInt8]) throws(ArcuateError) {
    let before = bytes.count
    bytes += start
    start = []
    var i = 0
    while i < events.count {
      let count = min(AEDAT4Encoder.mostEvents, events.count - i)
      // The table has the offsets of the payloads, after stream and length.
      let offset = position + bytes.count - before + 8
      let size = Int32(clamping: 32 + 16 * count)
      packets.append(
        Packet(
          offset: Int64(clamping: offset), size: size, count: Int64(clamping: count),
          first: events.t[i], last: events.t[i + count - 1]))
      bytes.append(little: 0 as Int32)
      bytes.append(little: size)
      bytes.append(little: UInt32(clamping: 28 + 16 * count))
      bytes.append(little: 16 as UInt32)
      bytes += "EVTS".utf8
      for number: UInt16 in [6, 8, 4, 0] { bytes.append(little: number) }
      bytes.append(little: 8 as Int32)
      bytes.append(little: 4 as UInt32)
      bytes.append(little: UInt32(clamping: count))
      for k in i..<i + count {
        guard events.x[k] < 1 << 15, events.y[k] < 1 << 15 else {
          throw ArcuateError(
            .notRepresentable, "pixel (\(events.x[k]), \(events.y[k])) exceeds 32767")
        }
        bytes.append(little: events.t[k])
        bytes.append(little: events.x[k])
        bytes.append(little: events.y[k])
        bytes.append(little: UInt32(truncatingIfNeeded: events.p[k] & 1))
      }
      i += count
    }
    position += bytes.count - before
  }

  mutating func finish(into bytes: inout [UInt8]) throws(ArcuateError) {
    bytes += start
    position += start.count
    start = []
    // The position stands after "#!AER-DAT4.0\r\n", the length and 28 bytes of the table.
    var place: [UInt8] = []
    place.append(little: Int64(clamping: position))
    correction = (place, 18 + 28)
    bytes += table()
  }

  /// The table of packets: a FlatBuffer of one vector of tables, which share a list of fields.
  private func table() -> [UInt8] {
    var body: [UInt8] = []
    // Bytes 0–23: root at 24, identifier, and the fields of the root at 8 and of a packet at 14.
    body.append(little: 28 as UInt32)
    body += "FTAB".utf8
    for number: UInt16 in [6, 8, 4] { body.append(little: number) }
    for number: UInt16 in [14, 44, 4, 12, 20, 28, 36] { body.append(little: number) }
    // At 28: the root, whose vector follows.
    body.append(little: 20 as Int32)
    body.append(little: 4 as UInt32)
    body.append(little: UInt32(clamping: packets.count))
    // The packets lie behind the vector. Numbers of 8 bytes are aligned with the size in front.
    var first = 40 + 4 * packets.count
    while first % 8 != 0 { first += 1 }
    for i in packets.indices {
      let entry = 40 + 4 * i
      body.append(little: UInt32(clamping: first + 48 * i - entry))
    }
    while body.count < first { body.append(0) }
    for packet in packets {
      body.append(little: Int32(clamping: body.count - 14))
      body.append(little: packet.offset)
      body.append(little: 0 as Int32)
      body.append(little: packet.size)
      body.append(little: packet.count)
      body.append(little: packet.first)
      body.append(little: packet.last)
      body.append(little: 0 as UInt32)
    }
    var result: [UInt8] = []
    result.append(little: UInt32(clamping: body.count))
    return result + body
  }
}
