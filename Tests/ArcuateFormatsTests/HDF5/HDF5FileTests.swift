import ArcuateCore
import Testing

@testable import ArcuateFormats

@Suite struct HDF5FileTests {
  /// The members of the group at a path, by name.
  private func members(
    _ file: HDF5File, _ path: String...
  ) throws -> [String: HDF5Object] {
    var object = try file.object(at: file.rootHeader)
    for name in path {
      let member = try #require(try file.members(of: object).first { $0.name == name })
      object = try file.object(at: member.header)
    }
    #expect(object.isGroup && !object.isDataset)
    return Dictionary(
      uniqueKeysWithValues: try file.members(of: object).map {
        ($0.name, try file.object(at: $0.header))
      })
  }

  private func dataset(_ file: HDF5File, _ object: HDF5Object?) throws -> HDF5Dataset {
    try file.dataset(try #require(object))
  }

  @Test func everyKindOfDatasetIsReadBack() throws {
    let file = try HDF5File(
      Bytes(
        try HDF5Writer.encode([
          "floats": .floats([1, -0.5, .infinity, 3, 4, 5], shape: [2, 3]), "scalar": .double(0.1),
          "integers": .integers([-1, 1 << 40], shape: [2]), "flag": .bool(true),
          "texts": .strings(["", "über", "x"], shape: [3]), "text": .string("one"),
          "empty": .floats([], shape: [0]),
        ])))
    let objects = try members(file)
    #expect(objects.count == 7 && objects.values.allSatisfy { $0.isDataset })

    let floats = try dataset(file, objects["floats"])
    guard case .numbers(let numbers) = floats.value else { throw Failure() }
    #expect(floats.shape == [2, 3] && !floats.isBool)
    #expect(try numbers.tensor([2, 3]).floats == [1, -0.5, .infinity, 3, 4, 5])
    #expect(try numbers.doubles()[1] == -0.5)

    for (name, values, isBool) in [
      ("scalar", [0.1], false), ("integers", [-1, 0x1p40], false), ("flag", [1], true),
      ("empty", [], false),
    ] as [(String, [Double], Bool)] {
      let read = try dataset(file, objects[name])
      guard case .numbers(let numbers) = read.value else { throw Failure() }
      #expect(try numbers.doubles() == values && read.isBool == isBool, "\(name)")
    }
    for (name, texts) in [("texts", ["", "über", "x"]), ("text", ["one"])] {
      guard case .strings(let read) = try dataset(file, objects[name]).value else {
        throw Failure()
      }
      #expect(read == texts)
    }
  }

  /// Eight entries fill a symbol node, 32 nodes a tree: more need another level.
  @Test(arguments: [0, 1, 8, 9, 256, 257, 700]) func groupsOfAnySizeAreReadBack(
    count: Int
  ) throws {
    var inner: [String: HDF5Tree] = [:]
    for i in 0..<count { inner["member \(i)"] = .double(Double(i)) }
    let file = try HDF5File(
      Bytes(try HDF5Writer.encode(["outer": .group(["inner": .group(inner)])])))
    let objects = try members(file, "outer", "inner")
    #expect(objects.count == count)
    for (name, object) in objects {
      guard case .numbers(let numbers) = try file.dataset(object).value else { throw Failure() }
      #expect("member \(Int(try numbers.doubles()[0]))" == name)
    }
  }

  @Test(arguments: ["", "a/b", "a\0b"]) func invalidNamesAreRefused(name: String) {
    let error = #expect(throws: ArcuateError.self) { try HDF5Writer.encode([name: .double(1)]) }
    #expect(error?.code == .notRepresentable)
  }

  /// Every field of the superblock that a reader relies on, damaged.
  @Test func damagedSuperblocksAreNamed() throws {
    let sound = try HDF5Writer.encode(["x": .double(1)])
    for (offset, byte, code) in [
      (0, 0, .malformed), (8, 9, .unsupportedFormat), (13, 4, .unsupportedFormat),
      (14, 4, .unsupportedFormat), (46, 1, .truncated), (70, 1, .truncated),
    ] as [(Int, UInt8, ArcuateError.Code)] {
      var bytes = sound
      bytes[offset] = byte
      let error = #expect(throws: ArcuateError.self, "byte \(offset)") {
        try HDF5File(Bytes(bytes))
      }
      #expect(error?.code == code && error?.location != nil, "byte \(offset): \(error as Any)")
    }
  }

  @Test func aGroupThatContainsItselfIsRefused() throws {
    var bytes = try HDF5Writer.encode(["x": .double(1)])
    let tree = try #require(bytes.firstRange(of: Array("TREE".utf8))?.lowerBound)
    // The only child of the tree becomes the tree.
    bytes.replaceSubrange(
      tree + 32..<tree + 40, with: (0..<8).map { UInt8(tree >> (8 * $0) & 255) })
    let file = try HDF5File(Bytes(bytes))
    let error = #expect(throws: ArcuateError.self) {
      try file.members(of: try file.object(at: file.rootHeader))
    }
    #expect(error?.code == .malformed && error?.location == "byte \(tree)")
  }

  @Test func theBudgetIsBoundByTheSizeOfTheFile() throws {
    let budget = HDF5File.Budget(fileSize: 160)
    for _ in 0..<74 { try budget.take(object: 1) }
    #expect(throws: ArcuateError.self) { try budget.take(object: 1) }
    try budget.take(stored: 320)
    #expect(throws: ArcuateError.self) { try budget.take(stored: 1) }
    #expect(throws: ArcuateError.self) { try budget.take(decoded: .max) }
    #expect(HDF5File.Budget.expansion(of: 0) > 0)
    #expect(HDF5File.Budget.expansion(of: Int.max / 8) > 0)
  }

  private struct Failure: Error {}
}
