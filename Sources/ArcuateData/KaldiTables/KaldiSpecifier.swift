import ArcuateCore
import ArcuateFormats

/// Where a table is read from: `ark:FILE`, `scp:FILE`, with `-` for the standard input.
///
/// Options stand before the colon: `p` (permissive) takes the table to end, or the entry to be
/// absent, where it cannot be read; `o`, `s`, `cs`, `t`, `b`, `bg` and their negations `no`, `np`,
/// `ns`, `ncs` promise what reading in order does not need, and are accepted.
struct KaldiReadSpecifier: Equatable {
  enum Form { case archive, script }
  var form: Form
  var path: String
  var permissive = false

  init(_ text: String) throws {
    let (options, path) = try splitSpecifier(text, "rspecifier", "ark:FILE or scp:FILE")
    var form: Form?
    for option in options {
      switch option {
      case "ark" where form == nil: form = .archive
      case "scp" where form == nil: form = .script
      case "p": permissive = true
      case "np": permissive = false
      case "o", "no", "s", "ns", "cs", "ncs", "t", "b", "bg": break
      default:
        throw ArcuateError(
          .invalidArgument, "\"\(option)\" is not understood in the rspecifier \"\(text)\"")
      }
    }
    guard let form else {
      throw ArcuateError(.invalidArgument, "\"\(text)\" is not ark:FILE or scp:FILE")
    }
    self.form = form
    self.path = path
    try KaldiLocation.refuseCommand(path)
  }
}

/// Where a table is written to: `ark:FILE` or `ark,scp:ARCHIVE,SCRIPT`, with `-` for the standard
/// output. Options: `t` text, `b` binary, `f` every entry at once, `nf` when there are enough.
struct KaldiWriteSpecifier: Equatable {
  var archive: String
  var script: String?
  var text = false
  var flush = false

  init(_ specifier: String) throws {
    let expected = "ark:FILE or ark,scp:ARCHIVE,SCRIPT"
    let (options, path) = try splitSpecifier(specifier, "wspecifier", expected)
    var (hasArchive, hasScript) = (false, false)
    for option in options {
      switch option {
      case "ark" where !hasArchive && !hasScript: hasArchive = true
      case "scp" where hasArchive && !hasScript: hasScript = true
      case "t": text = true
      case "b": text = false
      case "f": flush = true
      case "nf": flush = false
      case "p": break
      case "scp":
        throw ArcuateError(
          .unsupportedFormat,
          "\"\(specifier)\" asks for a script alone, which is not supported: use \(expected)")
      default:
        throw ArcuateError(
          .invalidArgument, "\"\(option)\" is not understood in the wspecifier \"\(specifier)\"")
      }
    }
    guard hasArchive else {
      throw ArcuateError(.invalidArgument, "\"\(specifier)\" is not \(expected)")
    }
    archive = path
    if hasScript {
      let parts = path.split(separator: ",", omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
        throw ArcuateError(
          .invalidArgument, "\"\(specifier)\" does not name an archive and a script")
      }
      archive = String(parts[0])
      script = String(parts[1])
      guard archive != "-" else {
        throw ArcuateError(
          .invalidArgument, "\"\(specifier)\": a script cannot point into the standard output")
      }
    }
    try KaldiLocation.refuseCommand(archive)
    try script.map { try KaldiLocation.refuseCommand($0) }
  }
}

private func splitSpecifier(_ text: String, _ what: String, _ expected: String) throws -> (
  options: [Substring], path: String
) {
  guard let colon = text.firstIndex(of: ":") else {
    throw ArcuateError(.invalidArgument, "\"\(text)\" is not a \(what): \(expected) is expected")
  }
  let path = text[text.index(after: colon)...]
  guard !path.isEmpty else {
    throw ArcuateError(.invalidArgument, "the \(what) \"\(text)\" names no file")
  }
  return (
    text[..<colon].split(separator: ",", omittingEmptySubsequences: false), String(path)
  )
}
