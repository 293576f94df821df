import ArcuateCore

/// The input of a node of a Kaldi network, as written in its configuration.
indirect enum Nnet3Descriptor {
  case node(String)
  case append([Nnet3Descriptor])
  case sum([Nnet3Descriptor])
  case scale(Float, Nnet3Descriptor)
  case const(Float, Int)
  /// The other, some frames later.
  case offset(Nnet3Descriptor, Int)
  /// Zero where the other is not defined.
  case ifDefined(Nnet3Descriptor)
  /// The other at a fixed time, the same for every frame.
  case atOneTime(Nnet3Descriptor)

  static let largestOffset = 100_000

  /// Throws. `malformed` saying what is expected; `unsupportedFormat` naming the function.
  init(_ text: String) throws(ArcuateError) {
    var parser = Parser(text)
    self = try parser.descriptor(depth: 0)
    guard parser.next == nil else {
      throw ArcuateError(.malformed, "unexpected \"\(parser.next!.prefix(60))\" at the end")
    }
  }

  private struct Parser {
    private let words: [String]
    private var at = 0

    var next: String? { at < words.count ? words[at] : nil }

    init(_ text: String) {
      var words: [String] = []
      var word = ""
      func end() {
        if !word.isEmpty { words.append(word) }
        word = ""
      }
      for character in text {
        switch character {
        case "(", ")", ",":
          end()
          words.append(String(character))
        case " ", "\t": end()
        default: word.append(character)
        }
      }
      end()
      self.words = words
    }

    private mutating func take() -> String? {
      defer { at += 1 }
      return next
    }

    private mutating func expect(_ word: String) throws(ArcuateError) {
      guard take() == word else {
        at -= 1
        throw ArcuateError(
          .malformed,
          "expected \"\(word)\", not \(next.map { "\"\($0.prefix(60))\"" } ?? "the end")"
        )
      }
    }

    private mutating func integer() throws(ArcuateError) -> Int {
      let word = take() ?? "the end"
      guard let value = Int(text: word) else {
        throw ArcuateError(
          .malformed, "expected an integer, not \"\(word.prefix(60))\"")
      }
      guard value.magnitude <= Nnet3Descriptor.largestOffset else {
        throw ArcuateError(
          .limitExceeded, "offset \(value) exceeds the limit of \(Nnet3Descriptor.largestOffset)")
      }
      return value
    }

    private mutating func real() throws(ArcuateError) -> Float {
      let word = take() ?? "the end"
      guard let value = Float(word), value.isFinite else {
        throw ArcuateError(.malformed, "expected a number, not \"\(word.prefix(60))\"")
      }
      return value
    }

    private mutating func list(_ depth: Int) throws(ArcuateError) -> [Nnet3Descriptor] {
      var parts = [try descriptor(depth: depth)]
      while next == "," {
        at += 1
        parts.append(try descriptor(depth: depth))
      }
      try expect(")")
      return parts
    }

    mutating func descriptor(depth: Int) throws(ArcuateError) -> Nnet3Descriptor {
      guard depth <= 64 else {
        throw ArcuateError(.limitExceeded, "nesting exceeds the limit of 64")
      }
      guard let word = take() else {
        throw ArcuateError(.malformed, "expected a node, not the end")
      }
      guard !["(", ")", ","].contains(word) else {
        throw ArcuateError(.malformed, "expected a node, not \"\(word)\"")
      }
      guard next == "(" else { return .node(word) }
      at += 1
      switch word {
      case "Append": return .append(try list(depth + 1))
      case "Sum": return .sum(try list(depth + 1))
      case "IfDefined":
        let inner = try descriptor(depth: depth + 1)
        try expect(")")
        return .ifDefined(inner)
      case "Offset":
        let inner = try descriptor(depth: depth + 1)
        try expect(",")
        let offset = try integer()
        if next == "," {
          at += 1
          guard try integer() == 0 else {
            throw ArcuateError(.unsupportedFormat, "an Offset along x is not supported")
          }
        }
        try expect(")")
        return .offset(inner, offset)
      case "Scale":
        let factor = try real()
        try expect(",")
        let inner = try descriptor(depth: depth + 1)
        try expect(")")
        return .scale(factor, inner)
      case "Const":
        let value = try real()
        try expect(",")
        let width = try integer()
        try expect(")")
        return .const(value, width)
      case "ReplaceIndex":
        let inner = try descriptor(depth: depth + 1)
        try expect(",")
        guard take() == "t" else {
          throw ArcuateError(.unsupportedFormat, "a ReplaceIndex of x is not supported")
        }
        try expect(",")
        _ = try integer()
        try expect(")")
        return .atOneTime(inner)
      default:
        throw ArcuateError(
          .unsupportedFormat,
          "\(word.prefix(60)) is not supported: Append, Sum, Scale, Const, Offset, IfDefined and "
            + "ReplaceIndex are")
      }
    }
  }
}
