import ArcuateCore
import ArcuateFormats

/// Writes a Kaldi table: an archive, and optionally a script with the locations of its entries.
///
/// Regular files appear under their names in `finish`, not before.
public final class KaldiTableWriter {
  private let specifier: KaldiWriteSpecifier
  private let archive: ByteWriter
  private let script: ByteWriter?

  /// The output files, as the specifier names them; `-` for the standard output.
  public var paths: [String] { [specifier.archive] + (specifier.script.map { [$0] } ?? []) }

  /// Throws. `invalidArgument` for an invalid wspecifier; `cannotWrite`.
  public init(_ wspecifier: String) throws(ArcuateError) {
    specifier = try KaldiWriteSpecifier(wspecifier)
    if let script = specifier.script, let identity = FileIdentity(script),
      identity == FileIdentity(specifier.archive)
    {
      throw ArcuateError(
        .invalidArgument,
        "the archive \"\(specifier.archive)\" and the script \"\(script)\" are the same file")
    }
    archive = try ByteWriter(specifier.archive, waits: true)
    script = try specifier.script.map { path throws(ArcuateError) in
      try ByteWriter(path, waits: true)
    }
  }

  /// Throws. `invalidArgument` for a key that is empty or has blanks; `cannotWrite`.
  public func write(_ key: String, _ value: KaldiValue) throws(ArcuateError) {
    guard !key.isEmpty, key.utf8.allSatisfy({ $0 > 32 }) else {
      throw ArcuateError(
        .invalidArgument, "\"\(key)\" is not a valid key: it is empty or has blanks")
    }
    try archive.write("\(key) ")
    try script?.write("\(key) \(specifier.archive):\(archive.position)\n")
    if specifier.text {
      try archive.write(value.text())
    } else {
      try archive.write(value.binary())
    }
    if specifier.flush {
      try archive.flush()
      try script?.flush()
    }
  }

  /// Throws. `cannotWrite`.
  public func finish() throws(ArcuateError) {
    try ByteWriter.finish([archive] + (script.map { [$0] } ?? []))
  }

  /// Removes the unfinished files.
  public func discard() {
    archive.discard()
    script?.discard()
  }
}
