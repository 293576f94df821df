import Foundation

/// The folder of real recordings and models that some tests read; nil when the variable
/// ARCUATE_DATA is not set, and those tests are skipped then.
package let dataFolder = ProcessInfo.processInfo.environment["ARCUATE_DATA"]

/// The files below a part of the data folder with that ending, sorted.
package func dataFiles(_ part: String, _ ending: String) -> [String] {
  guard let dataFolder, let walk = FileManager.default.enumerator(atPath: "\(dataFolder)/\(part)")
  else { return [] }
  return walk.compactMap { $0 as? String }.filter { $0.hasSuffix(ending) }.sorted()
}

/// What a command prints, as bytes; nil if it cannot be run.
package func output(of command: String, _ arguments: [String]) -> [UInt8]? {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = [command] + arguments
  let pipe = Pipe()
  process.standardOutput = pipe
  guard (try? process.run()) != nil else { return nil }
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return process.terminationStatus == 0 ? [UInt8](data) : nil
}
