import ArcuateCore
import ArcuateFormats

/// A `.safetensors` file: read and used; if it can be written, the writing gives the same back.
@Sendable func fuzzSafetensors(_ bytes: Bytes) throws {
  let (model, _) = try SafetensorsFile.parse(bytes)
  try useModel(model)
  let again = try SafetensorsFile.parse(Bytes(try SafetensorsFile.encode(model))).model
  guard again.nodes.count == model.nodes.count else { fatalError("nodes were lost in writing") }
}

/// A Kaldi archive, binary or text: every entry up to the first that is wrong.
@Sendable func fuzzKaldi(_ bytes: Bytes) throws {
  let table = try KaldiTableReader(archive: bytes.array, name: "fuzz")
  var count = 0
  while try table.next() != nil { count += 1 }
  guard count <= bytes.count else { fatalError("more entries than bytes") }
}

/// A `.npy` file.
@Sendable func fuzzNumpy(_ bytes: Bytes) throws {
  let array = try NumpyArray.parse(bytes)
  guard array.values.count <= bytes.count else { fatalError("more numbers than bytes") }
}

/// An N-MNIST recording.
@Sendable func fuzzNMNIST(_ bytes: Bytes) throws {
  let recording = try NMNISTFile.parse(bytes).recording
  guard recording.changes.count <= bytes.count else { fatalError("more events than bytes") }
}
