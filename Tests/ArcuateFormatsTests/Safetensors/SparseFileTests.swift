import ArcuateCore
import ArcuateModel
import Testing

@testable import ArcuateFormats

/// Listed connections in files: they stay where they are, and what cannot be is refused.
@Suite struct SparseFileTests {
  static let model = Model.chain([
    ("in", .input(shape: [2])), ("s", .sparse(Samples.sparse)), ("out", .output(shape: [3])),
  ])

  @Test func connectionsStayInTheMapping() throws {
    let bytes = Bytes(try SafetensorsFile.encode(Self.model))
    guard case .sparse(let read) = try SafetensorsFile.parse(bytes).model["s"]?.op else {
      Issue.record("no SparseLinear")
      return
    }
    #expect(read == Samples.sparse)
    for list in [
      read.rowStarts.bytes, read.postIndices.bytes, read.weight.bytes, read.delay_s.bytes,
    ] {
      #expect(list.base >= bytes.base && list.base + list.count <= bytes.base + bytes.count)
    }
  }

  /// The file with one text replaced by another of the same length.
  private func error(replacing old: String, by new: String) throws -> ArcuateError? {
    var bytes = try SafetensorsFile.encode(Self.model)
    let (old, new) = (Array(old.utf8), Array(new.utf8))
    let place = try #require(
      bytes.indices.first { bytes[$0...].starts(with: old) }, "the file holds the text")
    bytes.replaceSubrange(place..<place + old.count, with: new)
    return SafetensorsTests.error(Bytes(bytes))
  }

  @Test func refusals() throws {
    let type = try error(replacing: #""dtype":"I64""#, by: #""dtype":"F64""#)
    #expect(
      type?.location?.contains("node \"s\"") == true
        && type?.location?.contains("row_starts") == true)
    #expect(type?.message.contains("U32, I32 or I64") == true)
    let name = try error(replacing: #"\"s.post\""#, by: #"\"s.pots\""#)
    #expect(name?.code == .notFound && name?.location?.contains("post") == true)
  }

  /// What the check says of lists that contradict each other; the file itself is well formed.
  @Test func hostileLists() throws {
    let good = Samples.sparse
    func changed(_ change: (inout SparseLinear) -> Void) -> SparseLinear {
      var sparse = good
      change(&sparse)
      return sparse
    }
    let cases: [(SparseLinear, String)] = [
      (
        changed { $0.postIndices = IndexArray([0, 1, 3, 2] as [UInt32]) },
        "connection 2 leads to element 3"
      ),
      (
        changed { $0.postIndices = IndexArray([0, 1, 1, -1] as [Int64]) },
        "connection 3 leads to element -1"
      ),
      (
        changed { $0.rowStarts = IndexArray([0, 5, 4] as [Int64]) }, "row start 2 is 4, below the 5"
      ),
      (
        changed { $0.rowStarts = IndexArray([0, -3, 4] as [Int64]) },
        "row start 1 is -3, below the 0"
      ),
      (changed { $0.rowStarts = IndexArray([1, 3, 4] as [Int64]) }, "go from 1 to 4"),
      (changed { $0.rowStarts = IndexArray([0, 3, 5] as [Int64]) }, "go from 0 to 5"),
      (changed { $0.rowStarts = IndexArray([0, 4] as [Int64]) }, "3 are needed"),
      (changed { $0.rowStarts = IndexArray([] as [Int64]) }, "3 are needed"),
      (changed { $0.weight = Tensor(vector: [1, 2, 3]) }, "shape [3], not [4]"),
      (changed { $0.weight = Tensor(vector: [1, 2, .nan, 3]) }, "not finite at [2]"),
      (changed { $0.delay_s = Tensor(vector: [1, 2]) }, "the delay has shape [2]"),
      (changed { $0.delay_s = Tensor(scalar: .infinity) }, "not finite"),
      (changed { $0.delay_s = Tensor(vector: [0, 1, -0.5, 0]) }, "negative"),
      (changed { $0.post = 1 << 40 }, "not a shape"),
      (changed { $0.pre = -1 }, "not a shape"),
    ]
    for (sparse, words) in cases {
      var model = Self.model
      model.nodes[1].op = .sparse(sparse)
      let read = try SafetensorsFile.parse(Bytes(try SafetensorsFile.encode(model))).model
      let (checked, findings) = read.check()
      #expect(checked == nil)
      #expect(
        findings.contains { $0.location == "node \"s\"" && $0.message.contains(words) },
        "\(words): \(findings)")
    }
  }

  @Test func nirHoldsWhatItCan() throws {
    var model = Self.model
    let refused = #expect(throws: ArcuateError.self) { try NIRFile.encode(model) }
    #expect(refused?.code == .notRepresentable && refused?.message.contains("delays") == true)
    var sparse = Samples.sparse
    sparse.delay_s = Tensor(scalar: 0)
    model.nodes[1].op = .sparse(sparse)
    let read = try NIRFile.parse(Bytes(try NIRFile.encode(model))).model
    let w = sparse.weight.floats
    #expect(
      read["s"]?.op
        == .linear(Linear(weight: try Tensor([w[0], 0, w[1] + w[2], 0, 0, w[3]], shape: [3, 2]))))
    sparse.post = 1 << 25
    sparse.pre = 4
    sparse.rowStarts = IndexArray([0, 4, 4, 4, 4] as [UInt32])
    model.nodes[1].op = .sparse(sparse)
    let large = #expect(throws: ArcuateError.self) { try NIRFile.encode(model) }
    #expect(large?.message.contains("above") == true)
  }
}
