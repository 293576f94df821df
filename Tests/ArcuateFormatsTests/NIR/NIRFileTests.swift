import ArcuateCore
import ArcuateFormats
import ArcuateModel
import Foundation
import Testing

/// Every `.nir` file below the data folder.
func nirFiles() -> [String] {
  guard let dataFolder, let walk = FileManager.default.enumerator(atPath: dataFolder + "/nir")
  else { return [] }
  return walk.compactMap { $0 as? String }.filter { $0.hasSuffix(".nir") }.map {
    dataFolder + "/nir/" + $0
  }.sorted()
}

@Suite struct NIRFileTests {
  @Test(.enabled(if: dataFolder != nil, "needs ARCUATE_DATA"), arguments: nirFiles())
  func opens(_ path: String) throws {
    do {
      let (model, findings) = try NIRFile.read(path)
      print(
        path.suffix(40), model.nodes.map { "\($0.name):\($0.op.kindName)" },
        model.edges.map { "\($0.source)>\($0.target)" })
      for f in findings { print("   ", f) }
      for f in model.check().findings { print("   C", f) }
    } catch { print(path.suffix(40), error) }
  }
}
