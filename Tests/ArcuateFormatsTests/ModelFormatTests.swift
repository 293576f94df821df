import ArcuateCore
import ArcuateModel
import ArcuateTestSupport
import Testing

@testable import ArcuateFormats

@Suite struct SavingTests {
  /// It was saved with success, and could not be opened again.
  @Test func aModelWithErrorsIsNotSavedAsNIR() throws {
    var neuron = Samples.neuron(.cubaLIF, 2)
    neuron.tauSynapse = nil
    let model = Model.chain([
      ("in", .input(shape: [2])), ("lif", .neuron(neuron)), ("out", .output(shape: [2])),
    ])
    let error = #expect(throws: ArcuateError.self) { try ModelFormat.nir.encode(model) }
    #expect(error?.code == .invalidModel && error?.location == "node \"lif\"")
    let again = try ModelFile.parse(Bytes(try ModelFormat.safetensors.encode(model))).model
    #expect(again.check().findings.contains { $0.message == "tau_syn is missing" })
  }

  @Test func anEmptyFileIsCalledEmpty() {
    #expect(throws: ArcuateError(.unsupportedFormat, "is empty")) { try ModelFile.parse(Bytes([])) }
  }
}

@Suite struct ModelFormatTests {
  /// The beginning of a file of each format.
  static func start(_ format: ModelFormat) throws -> [UInt8] {
    switch format.identifier {
    case "nir", "safetensors": try format.encode(Samples.small)
    case "nnet3": Array("<Nnet3> \n".utf8)
    case "layers": Array(#" {"input": [2], "layers": [{"kind": "linear", "size": 1}]}"#.utf8)
    default: throw ArcuateError(.notFound, "add a sample of \(format.name)")
    }
  }

  @Test func eachFormatIsRecognizedByItsFirstBytesAlone() throws {
    for format in ModelFormat.all {
      let bytes = Bytes(try Self.start(format))
      let start = try bytes.slice(0, min(bytes.count, ModelFormat.startCount))
      #expect(
        ModelFormat.all.filter { $0.recognizes(start) }.map(\.identifier) == [format.identifier])
      #expect(try ModelFormat.detect(start).identifier == format.identifier)
    }
    #expect(Set(ModelFormat.all.map(\.identifier)).count == ModelFormat.all.count)
  }

  @Test func unknownFormatsNameTheKnownOnes() {
    for bytes in [[0x50, 0x4B, 3, 4], Array("not a model".utf8)] as [[UInt8]] {
      #expect(
        throws: ArcuateError(
          .unsupportedFormat,
          "unknown format: expected NIR (HDF5), safetensors, Kaldi nnet3 or a JSON layer list")
      ) { try ModelFile.parse(Bytes(bytes)) }
    }
  }

  @Test func theEndingOfTheNameChoosesTheFormat() throws {
    #expect(try ModelFormat.forWriting("a/b.nir").identifier == "nir")
    #expect(try ModelFormat.forWriting("b.nir.safetensors").identifier == "safetensors")
    for path in ["net.json", "nir", "net.nir.bak"] {
      #expect(
        throws: ArcuateError(
          .invalidArgument, "the name must end in .nir or .safetensors", at: path)
      ) { try ModelFormat.forWriting(path) }
    }
    let error = #expect(throws: ArcuateError.self) { try ModelFormat.nnet3.encode(Samples.small) }
    #expect(error?.code == .unsupportedFormat)
  }

  @Test func aFileIsNamedOnceInAnError() throws {
    let folder = TemporaryFolder()
    for (name, bytes) in [
      ("unknown", Array("PK".utf8)), ("layers", Array(#"{"input": [2], "layers": 3}"#.utf8)),
      ("nnet3", Array("<Nnet3> x".utf8)), ("nir", HDF5File.signature),
      ("safetensors", [3, 0, 0, 0, 0, 0, 0, 0, 0x7B]),
    ] {
      let path = "\(folder.path)/\(name)"
      try Files.write(bytes, to: path)
      let error = #expect(throws: ArcuateError.self) { try ModelFile.read(path) }
      #expect(
        error?.description.split(separator: path, omittingEmptySubsequences: false).count == 2)
      #expect(error?.location?.hasPrefix(path) == true)
    }
    let absent = "\(folder.path)/absent"
    let error = #expect(throws: ArcuateError.self) { try ModelFile.read(absent) }
    #expect(error?.code == .cannotOpen && error?.location == absent)
    #expect(throws: ArcuateError(.cannotOpen, "is not a regular file", at: folder.path)) {
      try ModelFile.read(folder.path)
    }
  }
}
