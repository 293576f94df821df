import ArcuateCore
import ArcuateFormats

/// A Kaldi table in the making: an archive, and perhaps the script that points into it.
///
/// Regular files get their names when `finish` is called; before that nothing is to be seen.
public final class KaldiTableWriter {
  private let specifier: KaldiWriteSpecifier
  private let archive: ByteWriter
  private let script: ByteWriter?

  /// The files that are written, as the specifier names them; `-` for the standard output.
  public var paths: [String] { [specifier.archive] + (specifier.script.map { [$0] } ?? []) }

  /// Throws. `invalidArgument` for what is not a wspecifier; `cannotWrite`.
  public init(_ wspecifier: String) throws {
    specifier = try KaldiWriteSpecifier(wspecifier)
    if let script = specifier.script, let identity = FileIdentity(script),
      identity == FileIdentity(specifier.archive)
    {
      throw ArcuateError(
        .invalidArgument,
        "the archive \"\(specifier.archive)\" and the script \"\(script)\" are the same file")
    }
    archive = try ByteWriter(specifier.archive)
    script = try specifier.script.map { try ByteWriter($0) }
  }

  /// Throws. `invalidArgument` for a key that is empty or has blanks; `cannotWrite`.
  public func write(_ key: String, _ value: KaldiValue) throws {
    guard !key.isEmpty, key.utf8.allSatisfy({ $0 > 32 }) else {
      throw ArcuateError(.invalidArgument, "\"\(key)\" is not a key: it is empty or has blanks")
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
  public func finish() throws { try ByteWriter.finish([archive] + (script.map { [$0] } ?? [])) }

  /// Removes what was written.
  public func discard() {
    archive.discard()
    script?.discard()
  }
}
