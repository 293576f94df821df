import ArcuateCore
import ArcuateTestSupport
import Foundation
import Testing

@testable import ArcuateFormats

@Suite struct FilesTests {
  @Test func aFileThatIsReplacedKeepsItsPermissionsAndItsLink() throws {
    let folder = TemporaryFolder()
    let (path, link) = ("\(folder.path)/file", "\(folder.path)/link")
    try Files.write([1], to: path)
    #expect(chmod(path, 0o600) == 0 && symlink("file", link) == 0)
    try Files.write([2, 3], to: link)
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
    #expect(lstat(link, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
    #expect(try Files.read(path).array == [2, 3])
    #expect(folder.names == ["file", "link"])
  }

  @Test func oneFileHasOneIdentity() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/file"
    #expect(symlink("file", "\(folder.path)/link") == 0)
    for _ in 0..<2 {
      // Before it is there, then when it is.
      #expect(FileIdentity(path) != nil)
      #expect(FileIdentity(path) == FileIdentity("\(folder.path)/./link"))
      #expect(FileIdentity(path) != FileIdentity("\(folder.path)/other"))
      try Files.write([1], to: path)
    }
    #expect(FileIdentity("/dev/null") == nil)
  }

  @Test func aCircleOfLinksIsRefused() throws {
    let folder = TemporaryFolder()
    #expect(symlink("b", "\(folder.path)/a") == 0 && symlink("a", "\(folder.path)/b") == 0)
    #expect(throws: ArcuateError.self) { try Files.write([1], to: "\(folder.path)/a") }
    #expect(throws: ArcuateError(.cannotWrite, "the path is empty")) {
      try Files.write([1], to: "")
    }
    #expect(throws: ArcuateError(.cannotOpen, "the path is empty")) { try Files.read("") }
  }
}
