import ArcuateCore
import Testing

@testable import ArcuateFormats

@Suite struct JSONTests {
  static func parse(_ text: String) throws -> JSON { try JSONParser.parse(Array(text.utf8)) }

  @Test(arguments: [
    "null", "true", "[]", "{}", "[1,-0,0.5,1e-05,-12.5E+3]", #"{"a":[{}],"b":"x"}"#,
    #"["\"","\\","/","é🧠"]"#,
  ])
  func textReadsBackAsItself(_ text: String) throws {
    #expect(String(decoding: try Self.parse(text).text, as: UTF8.self) == text)
  }

  @Test func escapesAreUndone() throws {
    let text = #" "\"\\\/\b\f\n\r\t\u00e9\uD83E\udde0" "#
    #expect(try Self.parse(text) == .string("\"\\/\u{8}\u{c}\n\r\té🧠"))
    let odd = JSON.string("\u{0}\u{1f}\n\u{7f}")
    #expect(try JSONParser.parse(odd.text) == odd)
  }

  @Test(arguments: [
    "", " ", "nul", "tru", "[1,]", "[1 2]", "[", "{", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "{a:1}",
    "01", "1.", ".5", "-", "+1", "1e", "1e+", "NaN", "Infinity", "0x1", "1 1", #"""#, #""\"#,
    #""\x""#, #""\u12G4""#, #""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, "\"\n\"",
    #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#,
  ])
  func whatIsNotJSONIsAnErrorThatNamesTheByte(_ text: String) {
    do {
      let value = try Self.parse(text)
      Issue.record("read as \(value)")
    } catch {
      #expect((error as? ArcuateError)?.code == .malformed)
      #expect((error as? ArcuateError)?.location?.hasPrefix("byte ") == true)
    }
  }

  @Test func badUTF8IsAnError() {
    for bytes: [UInt8] in [
      [0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
    ] {
      #expect(throws: ArcuateError.self) { try JSONParser.parse(bytes) }
    }
  }

  @Test func depthValuesAndNumbersAreBounded() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(throws: Never.self) { try Self.parse(nested(JSONParser.maximumDepth + 1)) }
    let many = "[" + String(repeating: "1,", count: JSONParser.maximumValues) + "1]"
    let long = String(repeating: "1", count: JSONParser.maximumNumberLength + 1)
    for text in [nested(JSONParser.maximumDepth + 2), nested(1_000_000), many, long] {
      do {
        _ = try Self.parse(text)
        Issue.record("accepted")
      } catch { #expect((error as? ArcuateError)?.code == .limitExceeded) }
    }
  }

  @Test func numbersKeepTheirBits() throws {
    for value: Double in [
      0.1, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1 / 3, 1e16, .infinity,
    ] {
      let read: Double = try JSONParser.parse(JSON.number(value).text).real()
      #expect(read.bitPattern == value.bitPattern)
    }
    for value: Float in [0.1, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -1 / 3] {
      let read: Float = try JSONParser.parse(JSON.number(value).text).real()
      #expect(read.bitPattern == value.bitPattern)
    }
    #expect(try Self.parse("18446744073709551615").integer(UInt64.self) == .max)
    #expect(throws: ArcuateError.self) { try Self.parse("1e400").real(Double.self) }
    #expect(throws: ArcuateError.self) { try Self.parse("1e3").integer(Int.self) }
    #expect(throws: ArcuateError.self) { try Self.parse("-1").integer(UInt8.self) }
  }
}
