import Foundation

/// The folder of real recordings and models that some tests read; nil when the variable
/// ARCUATE_DATA is not set, and those tests are skipped then.
let dataFolder = ProcessInfo.processInfo.environment["ARCUATE_DATA"]

/// The files below a part of the data folder with that ending, sorted.
func dataFiles(_ part: String, _ ending: String) -> [String] {
  guard let dataFolder, let walk = FileManager.default.enumerator(atPath: "\(dataFolder)/\(part)")
  else { return [] }
  return walk.compactMap { $0 as? String }.filter { $0.hasSuffix(ending) }.sorted()
}
