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

@Suite struct PipeTests {
  /// Opening and saving waited for ever for the other end of a pipe.
  @Test func aPipeThatNobodyUsesIsAnErrorThatSaysSo() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/pipe.nir"
    #expect(mkfifo(path, 0o600) == 0)
    let error = ArcuateError(.cannotOpen, "is a pipe, not a regular file", at: path)
    #expect(throws: error) { try Files.read(path) }
    #expect(throws: error) { try Files.map(path) }
    #expect(throws: error) { try ModelFile.read(path) }
    #expect(throws: error) { try NamedTensors(path: path, called: "a checkpoint") }
    #expect(throws: ArcuateError(.cannotWrite, "is a pipe that nobody reads", at: path)) {
      try Files.write([1], to: path)
    }
    // One with a reader is written to.
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    try Files.write([1, 2], to: path)
    var bytes = [UInt8](repeating: 0, count: 9)
    #expect(read(reader, &bytes, 9) == 2 && bytes[..<2] == [1, 2])
    close(reader)
  }
}

@Suite struct LeftoverTests {
  /// A process that is killed while it saves leaves its temporary file behind.
  @Test func whatAKilledSaveLeftGoesWithTheNextOne() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/model"
    let others = ["model.12-x.partial", "model.1-2.partially", "mode.1-2.partial", "model.partial"]
    for name in others + ["model.999999-1.partial", "model.1-77.partial"] {
      #expect(FileManager.default.createFile(atPath: "\(folder.path)/\(name)", contents: nil))
    }
    // One that is being written stays.
    let unfinished = try ByteWriter(path)
    #expect(folder.names.filter { $0.hasSuffix(".partial") }.count == 4)
    try Files.write([1], to: path)
    #expect(folder.names.count == others.count + 2)
    unfinished.discard()
    #expect(folder.names == (others + ["model"]).sorted())
  }
}

@Suite struct OpenFileTests {
  @Test(arguments: [0, 1, 63, 64, 65, 10_000]) func readingAndMappingAgree(count: Int) throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/file"
    let bytes = (0..<count).map { UInt8($0 % 251) }
    try Files.write(bytes, to: path)
    let file = try OpenFile(path)
    #expect(file.size == count)
    #expect(try file.start(64).array == Array(bytes.prefix(64)))
    #expect(try file.read().array == bytes)
    #expect(try file.map().array == bytes)
    if count > 0 {
      #expect(throws: ArcuateError.self) { try file.read(limit: count - 1) }
    }
  }

  @Test func mappedBytesOutliveTheFileAndEviction() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/file"
    let content = (0..<20_000).map { UInt8($0 % 13) }
    try Files.write(content, to: path)
    let bytes = try Files.map(path)
    #expect(unlink(path) == 0)
    bytes.evict(5..<12_345)
    #expect(bytes.array == content)
  }

  @Test func truncationAfterOpeningIsAnError() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/file"
    try Files.write([UInt8](repeating: 1, count: 100), to: path)
    let file = try OpenFile(path)
    #expect(truncate(path, 10) == 0)
    let error = #expect(throws: ArcuateError.self) { try file.read() }
    #expect(error?.code == .truncated && error?.location == path)
  }
}
