import ArcuateCore
import Testing

@Suite struct ArcuateErrorTests {
  @Test func locationsNest() {
    let error = ArcuateError(.malformed, "has no weight", at: "node \"w\"")
    #expect(error.description == "node \"w\": has no weight")
    #expect(error.within("net.nir").description == "net.nir: node \"w\": has no weight")
    #expect(ArcuateError(.notFound, "unknown").within("net.nir").location == "net.nir")
    #expect(ArcuateError(.notFound, "unknown").description == "unknown")
  }

  @Test func withinKeepsTheTypeOfTheError() {
    struct Other: Error {}
    func fail() throws(ArcuateError) -> Int {
      try within("outer") { () throws(ArcuateError) in throw ArcuateError(.truncated, "ends") }
    }
    #expect(throws: ArcuateError(.truncated, "ends", at: "outer")) { try fail() }
    #expect(throws: Other.self) { try within("outer") { throw Other() } }
    #expect(throws: ArcuateError(.truncated, "ends", at: "outer")) {
      try within("outer") { throw ArcuateError(.truncated, "ends") as any Error }
    }
    // The location is only made for an error.
    #expect(within(String(repeating: "x", count: -0)) { 3 } == 3)
  }

  @Test func codesAreTheStatusesOfTheCInterface() {
    #expect(
      ArcuateError.Code.allCases.map(\.rawValue) == [
        -100, -101, -102, -103, -200, -201, -202, -203, -204, -205, -300, -301, -400, -401, -500,
        -501,
        -600,
      ])
  }
}
