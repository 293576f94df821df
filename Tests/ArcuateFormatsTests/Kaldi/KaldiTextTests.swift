import ArcuateCore
import Testing

@testable import ArcuateFormats

@Suite struct KaldiTextTests {
  /// Through a pipe, text without a closing bracket was read up to 2^30 numbers.
  @Test func textWithoutEndIsReadUpToALimit() throws {
    func value(_ text: String) throws(ArcuateError) -> KaldiValue {
      let reader = ByteReader(Bytes(Array(text.utf8)), name: "text")
      return try KaldiText(reader: reader, limit: 3).value(nil)
    }
    #expect(try value("[ 1 2 3 ]\n") == .vector([1, 2, 3]))
    let error = #expect(throws: ArcuateError.self) { try value("[ 1 2 3 4 5") }
    #expect(
      error?.code == .limitExceeded && error?.message.hasPrefix("more than 3 numbers") == true)
  }
}
