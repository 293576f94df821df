import Arcuate
import ArcuateModel
import Foundation
import Testing

/// The rules of other libraries, as programs, against what the libraries computed.
///
/// Numbers. No spike differs; membranes are the same to the last bit, or within what a recording says.
/// Source. `Tests/oracles/record_programs.py` makes the recordings.
@Suite struct RecordedProgramTests {
  static let folder = ProgramLibrary.top.appendingPathComponent("Tests/oracles/recordings")
  static let names: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasSuffix(".safetensors") }.map { String($0.dropLast(12)) }.sorted()
  }()

  /// A recording: texts and tensors of a safetensors file.
  struct Recording {
    var texts: [String: String]
    var tensors: [String: (shape: [Int], values: [Float])] = [:]

    init(_ name: String) throws {
      let file = RecordedProgramTests.folder.appendingPathComponent(name + ".safetensors")
      let bytes = [UInt8](try Data(contentsOf: file))
      let size = (0..<8).reversed().reduce(0) { $0 << 8 | Int(bytes[$1]) }
      let json = try JSONSerialization.jsonObject(with: Data(bytes[8..<8 + size]))
      let header = try #require(json as? [String: [String: Any]])
      texts = try #require(header["__metadata__"] as? [String: String])
      for (name, entry) in header where name != "__metadata__" {
        let shape = try #require(entry["shape"] as? [Int])
        let ends = try #require(entry["data_offsets"] as? [Int])
        let data = bytes[8 + size + ends[0]..<8 + size + ends[1]]
        tensors[name] = (
          shape,
          entry["dtype"] as? String == "U8" ? data.map { Float($0) } : Self.floats(Array(data))
        )
      }
    }

    static func floats(_ bytes: [UInt8]) -> [Float] {
      stride(from: 0, to: bytes.count, by: 4).map { k in
        Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[k + $1]) << UInt32(8 * $1) })
      }
    }

    func rows(_ name: String) throws -> [[Float]] {
      let (shape, values) = try #require(tensors[name])
      return (0..<shape[0]).map { Array(values[$0 * shape[1]..<($0 + 1) * shape[1]]) }
    }

    func number(_ name: String) throws -> Double { try #require(Double(texts[name] ?? "")) }
  }

  @Test func theyAreThere() { #expect(Self.names.count >= 60) }

  @Test(arguments: names) func theProgramComputesWhatTheLibraryDoes(_ name: String) throws {
    let recording = try Recording(name)
    let text = try ProgramLibrary.text(name)
    let program = try NeuronProgram(text)
    var parameters: [String: Tensor] = [:]
    for (key, tensor) in recording.tensors where key.hasPrefix("parameter.") {
      parameters[String(key.dropFirst(10))] =
        tensor.values.count == 1
        ? Tensor(scalar: tensor.values[0]) : Tensor(vector: tensor.values)
    }
    let inputs = try (0..<Int(recording.number("inputs"))).map { try recording.rows("input\($0)") }
    let dt_s = try recording.number("dt_s")
    var (emitted, state) = try ProgramLibrary.run(
      program, inputs, parameters: parameters, dt_s: dt_s)
    #expect(try emitted == recording.rows("output"))
    #expect(emitted.joined().contains { $0 != 0 })
    if state.isEmpty {
      state = try ProgramLibrary.run(
        ProgramLibrary.showing(text), inputs, parameters: parameters, dt_s: dt_s
      ).emitted
    }
    let every = try Int(recording.number("membrane_stride"))
    let ulps = try recording.number("ulps")
    for (k, row) in try recording.rows("membrane").enumerated() {
      for (own, membrane) in zip(state[k * every], row) {
        let unit = 0x1p-23 * max(1, abs(Double(membrane)))
        #expect(abs(Double(own) - Double(membrane)) <= ulps * unit, "step \(k * every)")
      }
    }
  }
}
