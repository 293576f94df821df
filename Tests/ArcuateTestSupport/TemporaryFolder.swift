import Foundation

/// A folder that is removed with everything in it.
package final class TemporaryFolder {
  package let path: String
  package init() {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try! FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.path
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  package var names: [String] {
    try! FileManager.default.contentsOfDirectory(atPath: path).sorted()
  }
}
