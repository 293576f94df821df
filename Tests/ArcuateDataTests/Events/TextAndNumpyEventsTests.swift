import ArcuateCore
import ArcuateTestSupport
import Foundation
import Testing

@testable import ArcuateData

/// Events as lines of text and as NumPy arrays.
@Suite struct TextAndNumpyEventsTests {
  static func csv(_ text: String) throws -> Decoded { try decode(Array(text.utf8)) }

  @Test func csvOrderIsTold() throws {
    let expected: [(String, [Int64], [UInt16])] = [
      ("t,x,y,p\n5,1,2,1\n6,3,4,0\n", [5, 6], [1, 3]),
      ("# made by hand\nx,y,polarity,timestamp\n1,2,1,5\n3,4,-1,6\n", [5, 6], [1, 3]),
      ("1,2,1,5\r\n3,4,0,6\r\n", [5, 6], [1, 3]),
      ("240 180\n0.000005 1 2 1\n1.0000064999 3 4 0", [5, 1_000_006], [1, 3]),
      ("5 1 2 1\n6 3 4 0\n", [5, 6], [1, 3]),
      ("1;2;True;5\n3;4;False;6\n", [5, 6], [1, 3]),
      ("1.5e-5 1 2 1\n2e1 3 4 0\n", [15, 20_000_000], [1, 3]),
    ]
    for (text, times, columns) in expected {
      let events = try Self.csv(text)
      #expect(events.header?.format == .csv)
      #expect(events.t == times, "\(text)")
      #expect(events.x == columns)
      #expect(events.y == [2, 4])
      #expect(events.p == [1, 0])
      #expect(events.findings.isEmpty)
      #expect(try decode(Array(text.utf8), cut: { 1 }) == events)
    }
    #expect(try Self.csv("240 180\n0.5 1 2 1\n").header?.width == 240)
  }

  @Test func csvReportsLinesThatAreNoEvents() throws {
    let long = String(repeating: "9", count: 9000)
    let events = try Self.csv("t,x,y,p\n1,2,3,1\noops\n4,70000,1,1\n\(long)\n5,6,7,0\n")
    #expect(events.t == [1, 5])
    #expect(
      events.findings.map(\.description) == [
        "repair: byte 16: the line is no event: 3 such lines are left out"
      ])
    #expect(throws: ArcuateError.self) { try Self.csv("some text about nothing\n") }
  }

  @Test func csvCutShortIsAPrefix() throws {
    let text = Array("t,x,y,p\n10,20,30,1\n11,21,31,0\n12,22,32,1\n".utf8)
    let whole = try decode(text)
    for end in 9..<text.count {
      var options = EventOptions(format: .csv)
      options.width = nil
      let part = try decode(Array(text[..<end]), options)
      #expect(part.count <= whole.count)
      #expect(
        part.x.prefix(max(0, part.count - 1)).elementsEqual(whole.x.prefix(max(0, part.count - 1))))
    }
  }

  static func npy(_ description: String, _ count: Int, _ data: [UInt8]) -> [UInt8] {
    let header = "{'descr': \(description), 'fortran_order': False, 'shape': (\(count),), }\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
      + data
  }

  @Test func structuredArraysAreRead() throws {
    let fields = "[('x', '<u2'), ('y', '>i2'), ('p', '|b1'), ('t', '<i8')]"
    let data: [UInt8] =
      .words([3 as UInt16]) + [0, 4, 1] + .words([-7 as Int64]) + .words([5 as UInt16]) + [0, 6, 0]
      + .words([1 << 40 as Int64])
    let bytes = Self.npy(fields, 2, data)
    let events = try decode(bytes)
    #expect(events.header?.format == .npz)
    #expect(events.t == [-7, 1 << 40])
    #expect(events.x == [3, 5])
    #expect(events.y == [4, 6])
    #expect(events.p == [1, 0])
    let seconds = Self.npy(
      "[('t', '<f8'), ('x', '<f4'), ('y', '|u1'), ('polarity', '|i1')]", 1,
      .words([(1.25).bitPattern]) + .words([Float(9).bitPattern]) + [8, 255])
    let other = try decode(seconds)
    #expect(other.t == [1_250_000])
    #expect(other.x + other.y + [UInt16(other.p[0])] == [9, 8, 0])
    for end in 8..<bytes.count {
      #expect(throws: ArcuateError.self) {
        try decode(Array(bytes[..<end]), EventOptions(format: .npz))
      }
    }
    #expect(try decode(bytes, cut: { 1 }) == events)
    #expect(throws: ArcuateError.self) { try decode(Self.npy("[('t', '<i8')]", 0, [])) }
    #expect(throws: ArcuateError.self) { try decode(Self.npy("[('t', '<c16')]", 0, [])) }
  }
}
