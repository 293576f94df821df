import ArcuateCore
import ArcuateData
import ArcuateFormats

/// A Kaldi archive, binary or text: every entry up to the first invalid one.
@Sendable func fuzzKaldi(_ bytes: Bytes) throws {
  let table = try KaldiTableReader(archive: bytes.array, name: "fuzz")
  var count = 0
  while try table.next() != nil { count += 1 }
  guard count <= bytes.count else { fatalError("more entries than bytes") }
}

/// An IDX array, plain or gzipped.
@Sendable func fuzzIDX(_ bytes: Bytes) throws {
  let file = try IDXFile.parse(bytes)
  guard file.count * file.itemCount <= 1 << 20 else { return }
  let values = try file.values(0..<file.count)
  guard values.count == file.count * file.itemCount else { fatalError("numbers are missing") }
}

/// A PNG image.
@Sendable func fuzzPNG(_ bytes: Bytes) throws {
  let image = try PNGImage(bytes)
  guard image.pixels.count == image.width * image.height * image.channels else {
    fatalError("pixels are missing")
  }
}

/// A zip archive: every entry that can be read is of its stated size.
@Sendable func fuzzZip(_ bytes: Bytes) throws {
  let archive = try ZipArchive(bytes)
  for entry in archive.entries.prefix(16) where entry.size <= 1 << 24 {
    if let content = try? archive.read(entry), content.count != entry.size {
      fatalError("an entry of another size")
    }
  }
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
