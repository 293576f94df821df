import Arcuate
import ArcuateTestSupport
import Foundation
import Testing

/// Whether networks still give the bits that were recorded in Tests/golden/expected.txt.
///
/// A line of that file has a name and 64-bit hashes of what a case gave:
///
/// | line             | columns                                       | equal for            |
/// |------------------|-----------------------------------------------|----------------------|
/// | exact NAME       | outputs, counters, snapshot of a session      | all instruction sets |
/// | ways SET NAME    | counters of the ways that rows took           | one instruction set  |
/// | fast SET NAME    | all of these, with fast numerics              | one instruction set  |
/// | explain SET NAME | the plan in words                             | one instruction set  |
/// | learn NAME       | losses, parameters, predictions of a trainer  | all instruction sets |
/// | file NAME        | the model as a file                           | all instruction sets |
///
///     swift test --filter Golden                                    compares
///     ARCUATE_INSTRUCTIONS=avx2 swift test --filter Golden          with narrower instructions
///     ARCUATE_GOLDEN_RECORD=1 swift test --filter Golden            writes the lines anew
///     ARCUATE_GOLDEN_RECORD=explain swift test --filter Golden      those of explain alone
///
/// Lines of other instruction sets stay as they are when lines are written; on a machine whose set
/// has none, what depends on it is skipped. Plans in words of some cases are written beside, to
/// Tests/golden/explain.txt, which is for people.
///
/// Needs. No other test changes the instruction set meanwhile: `Tests/run.sh` runs RegistryTests by
/// itself.
@Suite(.serialized) struct GoldenTests {
  static let found = Cases.all()
  /// What is written: all lines ("1") or "explain"; nil where nothing is.
  static let recording = ProcessInfo.processInfo.environment["ARCUATE_GOLDEN_RECORD"]
    .flatMap { ["1", "explain"].contains($0) ? $0 : nil }
  static let expected = GoldenFile.settled(found, recording: recording)
  static let set = Library.instructions
  static let isKnown =
    recording != nil || GoldenFile.read().keys.contains { $0.hasPrefix("explain \(set) ") }

  /// Reports every line that begins with one of `kinds` and is not as recorded.
  private func compare(_ kinds: [String]) {
    func isOurs(_ key: String) -> Bool { kinds.contains { key.hasPrefix($0 + " ") } }
    let (mine, recorded) = (
      Self.found.lines.filter { isOurs($0.key) }, Self.expected.filter { isOurs($0.key) }
    )
    #expect(!mine.isEmpty)
    var complaints: [String] = []
    for (key, columns) in mine {
      guard let before = recorded[key] else {
        complaints.append("\(key): is not in the file")
        continue
      }
      if before == columns { continue }
      // Columns are a name and a hash each.
      let (old, new) = (before.split(separator: " "), columns.split(separator: " "))
      let differing = stride(from: 0, to: new.count - 1, by: 2).filter {
        !old.indices.contains($0 + 1) || old[$0 + 1] != new[$0 + 1]
      }
      complaints.append(
        "\(key): other \(differing.map { String(new[$0]) }.joined(separator: ", "))")
    }
    for key in recorded.keys where mine[key] == nil { complaints.append("\(key): was not run") }
    for complaint in complaints.sorted().prefix(40) { Issue.record("\(complaint)") }
    if complaints.count > 40 { Issue.record("and \(complaints.count - 40) more lines") }
  }

  @Test func everyCaseRunsAndSaysSomething() {
    for failure in Self.found.failures { Issue.record("\(failure)") }
  }

  @Test func everyKindOfNodeIsAmongThem() {
    #expect(Self.found.kinds == Set(Cases.everyKind))
  }

  @Test func exactBitsAreAsRecorded() { compare(["exact"]) }

  @Test func learnedBitsAreAsRecorded() { compare(["learn"]) }

  @Test func filesAreAsRecorded() { compare(["file"]) }

  @Test(.enabled(if: isKnown, "expected.txt has no lines of the instructions in use"))
  func fastBitsAreAsRecorded() { compare(["ways \(Self.set)", "fast \(Self.set)"]) }

  @Test(.enabled(if: isKnown, "expected.txt has no lines of the instructions in use"))
  func plansAreExplainedAsRecorded() { compare(["explain \(Self.set)"]) }
}
