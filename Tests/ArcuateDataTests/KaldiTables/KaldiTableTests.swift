import ArcuateCore
import ArcuateTestSupport
import Testing

@testable import ArcuateData
@testable import ArcuateFormats

@Suite struct KaldiTableTests {
  @Test(arguments: KaldiSamples.all.indices)
  func readsEveryKind(_ i: Int) throws {
    let sample = KaldiSamples.all[i]
    let entries = try KaldiSamples.read(sample.bytes)
    #expect(entries.count == 1)
    #expect(entries.first?.key == "a")
    #expect(entries.first?.value == sample.value, "\(sample.name)")
  }

  @Test func readsOneEntryAfterAnother() throws {
    let entries = try KaldiSamples.read(KaldiSamples.all.flatMap(\.bytes))
    #expect(entries.map(\.value) == KaldiSamples.all.map(\.value))
  }

  @Test func readsOnBehindAKeyThatIsNotUTF8() throws {
    let good = KaldiSamples.all[0].bytes
    let bad = [0x61, 0xff] + good.dropFirst()
    let reader = try KaldiTableReader(archive: good + bad + good, name: "x")
    #expect(try reader.next()?.key == "a")
    #expect(throws: ArcuateError.self) { try reader.next() }
    #expect(try reader.next()?.key == "a")
    #expect(try reader.next()?.key == nil)
  }

  @Test(arguments: ["ark", "ark,t"])
  func writesWhatItReads(_ way: String) throws {
    let folder = TemporaryFolder()
    let values: [KaldiValue] = [
      .matrix(KaldiSamples.matrix), .vector([0.1, -3, .leastNonzeroMagnitude]), .integers([1, -2]),
      .vector([]),
      .integers([]), .matrix(try KaldiMatrix(rows: 0, columns: 0, values: [])),
      .matrix(try KaldiMatrix(rows: 1, columns: 1, values: [0.3])),
    ]
    let ark = "\(folder.path)/x.ark"
    let scp = "\(folder.path)/x.scp"
    let writer = try KaldiTableWriter("\(way),scp:\(ark),\(scp)")
    for (i, value) in values.enumerated() { try writer.write("key\(i)", value) }
    #expect(folder.names.allSatisfy { $0.hasSuffix(".partial") })
    try writer.finish()
    #expect(folder.names == ["x.ark", "x.scp"])
    for specifier in ["ark:\(ark)", "scp:\(scp)"] {
      let reader = try KaldiTableReader(specifier)
      for (i, value) in values.enumerated() {
        let entry = try #require(try reader.next())
        #expect(entry.key == "key\(i)")
        #expect(entry.value == value)
      }
      #expect(try reader.next() == nil)
    }
  }

  @Test func leavesNothingBehindUnfinished() throws {
    let folder = TemporaryFolder()
    do {
      let writer = try KaldiTableWriter("ark,scp:\(folder.path)/a,\(folder.path)/b")
      try writer.write("a", .vector([1]))
    }
    #expect(folder.names == [])
  }

  @Test func cutsRanges() throws {
    let folder = TemporaryFolder()
    let matrix = try KaldiMatrix(rows: 4, columns: 3, values: (0..<12).map(Float.init))
    let ark = "\(folder.path)/m.ark"
    let writer = try KaldiTableWriter("ark:\(ark)")
    try writer.write("m", .matrix(matrix))
    try writer.finish()
    func read(_ range: String) throws -> KaldiValue {
      try KaldiValue.read(named: "\(ark):2\(range)")
    }
    func rows(_ rows: Range<Int>, _ columns: Range<Int>) throws -> KaldiValue {
      .matrix(
        try KaldiMatrix(
          rows: rows.count, columns: columns.count,
          values: rows.flatMap { r in columns.map { Float(3 * r + $0) } }))
    }
    #expect(try read("") == .matrix(matrix))
    #expect(try read("[1:2]") == rows(1..<3, 0..<3))
    #expect(try read("[1:1,0:1]") == rows(1..<2, 0..<2))
    #expect(try read("[:,2:2]") == rows(0..<4, 2..<3))
    #expect(try read("[,1:2]") == rows(0..<4, 1..<3))
    // Kaldi forgives three frames too many, as rounded segments have.
    #expect(try read("[2:6]") == rows(2..<4, 0..<3))
    for bad in [
      "[2:7]", "[4:4]", "[2:1]", "[-1:2]", "[1]", "[1:2:3]", "[0:1,0:3]", "[0:1,0:1,0:1]", "[a:b]",
    ] {
      #expect(throws: ArcuateError.self, "\(bad)") { try read(bad) }
    }
  }

  @Test func permissiveTablesGoOn() throws {
    let folder = TemporaryFolder()
    let ark = "\(folder.path)/v.ark"
    let writer = try KaldiTableWriter("ark:\(ark)")
    try writer.write("v", .vector([1, 2]))
    try writer.finish()
    let scp = "\(folder.path)/v.scp"
    try Files.write(
      Array("a \(ark):2\nb \(ark).missing:3\nc \(ark):2[0:0]\nd cat x |\n".utf8), to: scp)
    var left: [String] = []
    let permissive = try KaldiTableReader("scp,p:\(scp)")
    permissive.warn = { left.append("\($0)") }
    var keys: [String] = []
    while let (key, _) = try permissive.next() { keys.append(key) }
    #expect(keys == ["a", "c"])
    #expect(left.count == 2)
    #expect(left[0].contains("line 2: key \"b\"") && left[1].contains("shell command"))

    // A strict reader says so and can go on with the next line.
    let strict = try KaldiTableReader("scp:\(scp)")
    #expect(try strict.next()?.key == "a")
    #expect(throws: ArcuateError.self) { try strict.next() }
    #expect(try strict.next()?.key == "c")
  }

  @Test(arguments: [
    "ark", "ark:", "foo:x", "ark,scp:x", "ark,x:y", "scp,ark:x", "ark:cat x|", "scp:|x", ":x", "",
  ])
  func refusesWhatIsNoRspecifier(_ text: String) {
    #expect(throws: ArcuateError.self) { try KaldiReadSpecifier(text) }
  }

  @Test func understandsSpecifiers() throws {
    for text in ["ark:x", "ark,s,cs:x", "ark,o,t:x", "cs,s,ark:x"] {
      let specifier = try KaldiReadSpecifier(text)
      #expect(specifier.form == .archive && specifier.path == "x" && !specifier.permissive)
    }
    #expect(try KaldiReadSpecifier("scp,p,o:a:b").path == "a:b")
    #expect(try KaldiReadSpecifier("scp,p:x").permissive)
    #expect(try KaldiWriteSpecifier("ark,t,f:-").text)
    #expect(try KaldiWriteSpecifier("ark,scp:a,b").script == "b")
    for bad in [
      "ark,scp:a", "ark,scp:-,b", "scp:a", "scp,ark:a,b", "ark:|gzip", "b", "ark,scp:a,b,c",
    ] {
      #expect(throws: ArcuateError.self, "\(bad)") { try KaldiWriteSpecifier(bad) }
    }
  }

  @Test func errorsNameThePlace() {
    let bytes = KaldiSamples.entry(
      "utt", KaldiSamples.binary("FM ", KaldiSamples.size(1_000_000), KaldiSamples.size(1000)))
    #expect {
      try KaldiSamples.read(bytes)
    } throws: {
      let text = "\($0)"
      return text.contains("sample: key \"utt\": byte 4")
        && text.contains("needs 1000000000 numbers")
    }
  }
}
