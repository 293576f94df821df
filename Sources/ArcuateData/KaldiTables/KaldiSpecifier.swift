import ArcuateCore
import ArcuateFormats

/// An rspecifier, the source of a table: `ark:FILE` or `scp:FILE`, with `-` for the standard input.
///
/// Options precede the colon: `p` (permissive) ends the table, or skips the entry, that cannot be
/// read; `o`, `s`, `cs`, `t`, `b`, `bg` and the negations `no`, `np`, `ns`, `ncs` are accepted, as
/// sequential reading does not need them.
struct KaldiReadSpecifier: Equatable {
  enum Form { case archive, script }
  var form: Form
  var path: String
  var permissive = false

  init(_ text: String) throws(ArcuateError) {
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
          .invalidArgument, "unknown option \"\(option)\" in the rspecifier \"\(text)\"")
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

/// A wspecifier, the target of a table: `ark:FILE` or `ark,scp:ARCHIVE,SCRIPT`, with `-` for the
/// standard output. Options: `t` text, `b` binary, `f` flush every entry, `nf` buffer them.
struct KaldiWriteSpecifier: Equatable {
  var archive: String
  var script: String?
  var text = false
  var flush = false

  init(_ specifier: String) throws(ArcuateError) {
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
          .invalidArgument, "unknown option \"\(option)\" in the wspecifier \"\(specifier)\"")
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
    if let script { try KaldiLocation.refuseCommand(script) }
  }
}

private func splitSpecifier(_ text: String, _ what: String, _ expected: String) throws(ArcuateError)
  -> (
    options: [Substring], path: String
  )
{
  guard let colon = text.firstIndex(of: ":") else {
    throw ArcuateError(.invalidArgument, "\"\(text)\" is not a \(what): expected \(expected)")
  }
  let path = text[text.index(after: colon)...]
  guard !path.isEmpty else {
    throw ArcuateError(.invalidArgument, "the \(what) \"\(text)\" names no file")
  }
  return (
    text[..<colon].split(separator: ",", omittingEmptySubsequences: false), String(path)
  )
}
