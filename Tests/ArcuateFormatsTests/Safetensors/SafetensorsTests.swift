import ArcuateCore
import ArcuateModel
import Foundation
import Testing

@testable import ArcuateFormats

@Suite struct SafetensorsTests {
  /// A file made by hand: header text, then data.
  static func file(_ header: String, _ data: [UInt8] = []) -> Bytes {
    let length = UInt64(header.utf8.count)
    return Bytes((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + header.utf8 + data)
  }

  static func error(_ bytes: Bytes) -> ArcuateError? {
    do {
      _ = try SafetensorsFile.parse(bytes)
      return nil
    } catch { return error }
  }

  @Test func whatIsWrittenIsRead() throws {
    for model in [Samples.nir, Samples.extended, Model(), Model(dt_s: 1e-300)] {
      let bytes = try SafetensorsFile.encode(model)
      let (read, findings) = try ModelFile.parse(Bytes(bytes))
      #expect(read == model)
      #expect(findings.isEmpty)
      // Equality of tensors ignores how they are stored: the second file must be the first.
      #expect(try SafetensorsFile.encode(read) == bytes)
    }
  }

  @Test func narrowTensorsKeepTheirElementsAndScales() throws {
    let read = try SafetensorsFile.parse(Bytes(try SafetensorsFile.encode(Samples.extended))).model
    for (name, element, scales) in [
      ("narrow", Tensor.Element.bfloat16, [Float]()), ("scaled", .int8, [0.5, 0.25, 0.125, 3]),
    ] {
      guard case .linear(let linear) = read[name]?.op else {
        Issue.record("\(name) is not linear")
        continue
      }
      #expect(linear.weight.element == element)
      #expect(linear.weight.scales == scales)
    }
  }

  @Test func largeTensorsAreAlignedInAMapping() throws {
    let model = Model.chain([
      ("a", .scale(Samples.tensor(3))), ("b", .linear(Linear(weight: Samples.tensor(4, 16)))),
      ("c", .scale(Samples.tensor(1))), ("d", .scale(Samples.tensor(32))),
    ])
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("x.safetensors").path
    try ModelFile.write(model, to: path)
    let read = try ModelFile.read(path).model
    #expect(read == model)
    var large = 0
    for node in read.nodes {
      let tensor: Tensor? =
        switch node.op {
        case .linear(let linear): linear.weight
        case .scale(let tensor) where tensor.count == 32: tensor
        default: nil
        }
      guard let tensor else { continue }
      large += 1
      let address = tensor.bytes.withUnsafeBytes { Int(bitPattern: $0.baseAddress!) }
      #expect(address % 64 == 0)
    }
    #expect(large == 2)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.safetensors"])
  }

  @Test func otherElementTypesBecomeFloat32AndAreReported() throws {
    let cases: [(type: String, data: [UInt8], values: [Float])] = [
      ("BOOL", [0, 1], [0, 1]), ("U8", [7, 255], [7, 255]), ("I16", [255, 255, 2, 0], [-1, 2]),
      ("U16", [255, 255, 2, 0], [65535, 2]), ("F16", [0, 0x3C, 1, 0], [1, 0x1p-24]),
      ("I32", [255, 255, 255, 255, 1, 0, 0, 0], [-1, 1]),
      ("U32", [255, 255, 255, 255, 1, 0, 0, 0], [4_294_967_296, 1]),
      ("I64", [UInt8](repeating: 255, count: 8) + [3, 0, 0, 0, 0, 0, 0, 0], [-1, 3]),
      ("U64", [5, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0], [5, 3]),
      ("F64", [0, 0, 0, 0, 0, 0, 0xF0, 0x3F] + [0, 0, 0, 0, 0, 0, 0, 0xC0], [1, -2]),
    ]
    for (type, data, values) in cases {
      let graph = #"{\"nodes\":[{\"name\":\"s\",\"kind\":\"Scale\",\"scale\":\"t\"}],\"edges\":[]}"#
      let header =
        #"{"__metadata__":{"arcuate.format":"1","arcuate.model":"\#(graph)"},"#
        + #""t":{"dtype":"\#(type)","shape":[2],"data_offsets":[0,\#(data.count)]}}"#
      let (model, findings) = try ModelFile.parse(Self.file(header, data))
      #expect(model["s"]?.op == .scale(Tensor(vector: values)), "\(type)")
      #expect(findings.map(\.location) == ["tensor \"t\""])
    }
  }

  @Test func brokenContainersAreErrorsThatSayWhere() throws {
    func tensor(_ type: String, _ shape: String, _ begin: Int, _ end: Int) -> String {
      #"{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
    }
    let a = tensor("U8", "[2]", 0, 2)
    let cases: [(Bytes, ArcuateError.Code, String)] = [
      (Bytes([]), .truncated, "8 bytes"),
      (Bytes([255, 255, 255, 255, 255, 255, 255, 255, 123]), .limitExceeded, "byte 0"),
      (Bytes([9, 0, 0, 0, 0, 0, 0, 0, 123, 125]), .truncated, "header"),
      (Self.file(" {}"), .malformed, "byte 8"),
      (Self.file(#"{"a":\#(a),"a":\#(a)}"#, [1, 2]), .malformed, "duplicate key"),
      (Self.file(#"{"a":\#(a)}"#, [1, 2, 3]), .malformed, "1 bytes follow"),
      (Self.file(#"{"a":\#(a)}"#, [1]), .truncated, "tensor \"a\""),
      (
        Self.file(#"{"a":\#(a),"b":\#(tensor("U8", "[2]", 1, 3))}"#, [1, 2, 3]), .malformed, "\"b\""
      ),
      (
        Self.file(#"{"a":\#(a),"b":\#(tensor("U8", "[1]", 3, 4))}"#, [1, 2, 3, 4]), .malformed,
        "\"b\""
      ),
      (
        Self.file(#"{"a":\#(tensor("F8_E4M3", "[2]", 0, 2))}"#, [1, 2]), .unsupportedFormat,
        "F8_E4M3"
      ),
      (
        Self.file(#"{"a":\#(tensor("U8", "[9223372036854775807,9]", 0, 2))}"#, [1, 2]),
        .shapeMismatch, "\"a\""
      ),
      (
        Self.file(#"{"a":\#(tensor("U8", "[1099511627776]", 0, 2))}"#, [1, 2]), .malformed, "\"a\""
      ),
      (Self.file(#"{"a":\#(tensor("U8", "[-2]", 0, 2))}"#, [1, 2]), .shapeMismatch, "\"a\""),
      (
        Self.file(#"{"a":\#(tensor("U8", "[1,1,1,1,1,1,1,1,1]", 0, 1))}"#, [1]), .shapeMismatch,
        "rank 9"
      ),
      (
        Self.file(#"{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1.0]}}"#, [1]), .malformed,
        "1.0"
      ),
      (Self.file(#"{"a":{"dtype":"U8","shape":[]}}"#, [1]), .malformed, "data_offsets"),
      (Self.file(#"{"__metadata__":{"x":1}}"#), .malformed, "__metadata__"),
      (Self.file(#"{"a":\#(a)}"#, [1, 2]), .unsupportedFormat, "without an Arcuate graph"),
      (
        Self.file(#"{"__metadata__":{"arcuate.format":"2","arcuate.model":"{}"}}"#),
        .unsupportedFormat, "\"2\""
      ),
    ]
    for (bytes, code, part) in cases {
      let error = Self.error(bytes)
      #expect(error?.code == code, "\(part)")
      #expect(error?.description.contains(part) == true, "\(String(describing: error))")
    }
  }

  @Test func brokenGraphsNameNodeAndField() throws {
    let cases = [
      (#"[]"#, "not an object"), (#"{"edges":[]}"#, "nodes"),
      (#"{"nodes":[{"kind":"ReLU"}],"edges":[]}"#, "node 0"),
      (#"{"nodes":[{"name":"x","kind":"Magic"}],"edges":[]}"#, "node \"x\""),
      (#"{"nodes":[{"name":"x","kind":"Scale","scale":"none"}],"edges":[]}"#, "no tensor \"none\""),
      (#"{"nodes":[{"name":"x","kind":"Input","shape":[1e3]}],"edges":[]}"#, "shape: 1e3"),
      (
        #"{"nodes":[{"name":"x","kind":"Input","shape":[9223372036854775807]}],"edges":[]}"#,
        "exceeds the limit"
      ),
      (#"{"nodes":[{"name":"x","kind":"RateEncoder","gain":1e99}],"edges":[]}"#, "gain"),
      (#"{"nodes":[],"edges":[["a"]]}"#, "edges"),
      (#"{"nodes":[],"edges":[],"semantics":{"reset":"maybe"}}"#, "maybe"),
      (#"{"nodes":[],"edges":[],"metadata":{"m":{"what":1}}}"#, "metadata \"m\""),
    ]
    for (graph, part) in cases {
      let metadata = JSON.object([
        "arcuate.format": .string("1"), "arcuate.model": .string(graph),
      ])
      let header = String(decoding: JSON.object(["__metadata__": metadata]).text, as: UTF8.self)
      let error = Self.error(Self.file(header))
      #expect(error?.description.contains(part) == true, "\(graph): \(String(describing: error))")
    }
  }

  @Test func strictRefusesAnUnknownField() throws {
    let text =
      #"{"__metadata__":{"arcuate.format":"1","arcuate.model":"{\"nodes\":[],\"edges\":[],\"more\":1}"}}"#
    #expect(try ModelFile.parse(Self.file(text)).findings.map(\.severity) == [.repair])
    #expect(throws: ArcuateError.self) {
      try ModelFile.parse(Self.file(text), .init(strict: true))
    }
  }
}
