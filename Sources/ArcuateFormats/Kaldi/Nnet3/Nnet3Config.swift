import ArcuateCore

/// The nodes of a Kaldi network, as listed at the beginning of the file.
struct Nnet3Config {
  enum Node {
    case input(dim: Int)
    case component(String, input: Nnet3Descriptor)
    case range(of: String, from: Int, dim: Int)
    case output(input: Nnet3Descriptor)
  }

  /// In the order of the file.
  private(set) var names: [String] = []
  private(set) var nodes: [String: Node] = [:]

  static let mostNodes = 20_000
  static let largestDim = 1 << 20

  /// Reads lines up to an empty one. Throws. `malformed`, `unsupportedFormat` naming the node.
  init(_ tokens: Nnet3Tokens) throws(ArcuateError) {
    // The rest of the line of the opening token.
    guard try tokens.line().allSatisfy({ $0 == " " }) else {
      throw ArcuateError(
        .malformed, "unexpected text after <Nnet3>", at: "byte \(tokens.reader.position)")
    }
    var number = 0
    while true {
      let line = try tokens.line()
      if line.isEmpty { return }
      number += 1
      try within("line \(number) of the nodes") { () throws(ArcuateError) in try add(line) }
    }
  }

  private mutating func add(_ line: String) throws(ArcuateError) {
    var words = Nnet3Config.words(line)
    guard let kind = words.first, !kind.hasPrefix("#") else { return }
    words.removeFirst()
    var fields: [String: String] = [:]
    for word in words {
      guard let equals = word.firstIndex(of: "=") else {
        throw ArcuateError(.malformed, "\"\(word.prefix(60))\" is not a field=value")
      }
      fields[String(word[..<equals])] = String(word[word.index(after: equals)...])
    }
    func field(_ name: String) throws(ArcuateError) -> String {
      guard let value = fields[name], !value.isEmpty else {
        throw ArcuateError(.malformed, "has no \(name)")
      }
      return value
    }
    func whole(_ name: String, from least: Int) throws(ArcuateError) -> Int {
      let text = try field(name)
      guard let value = Int(text: text), value >= least else {
        throw ArcuateError(
          .malformed, "\(name) must be an integer of at least \(least), not \"\(text.prefix(40))\"")
      }
      guard value <= Nnet3Config.largestDim else {
        throw ArcuateError(
          .limitExceeded, "\(name) \(value) exceeds the limit of \(Nnet3Config.largestDim)")
      }
      return value
    }
    let name = try field("name")
    // Other characters are reserved for the names of added nodes.
    guard
      name.utf8.allSatisfy({ byte in
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
          || "._-".utf8.contains(byte)
      })
    else {
      throw ArcuateError(.malformed, "\"\(name.prefix(60))\" is not a valid node name")
    }
    try within("node \"\(name.prefix(200))\"") { () throws(ArcuateError) in
      guard nodes[name] == nil else { throw ArcuateError(.malformed, "duplicate name") }
      guard names.count < Nnet3Config.mostNodes else {
        throw ArcuateError(.limitExceeded, "more than \(Nnet3Config.mostNodes) nodes")
      }
      func input() throws(ArcuateError) -> Nnet3Descriptor {
        let text = try field("input")
        return try within("input") { () throws(ArcuateError) in try Nnet3Descriptor(text) }
      }
      switch kind {
      case "input-node": nodes[name] = .input(dim: try whole("dim", from: 1))
      case "component-node":
        nodes[name] = .component(try field("component"), input: try input())
      case "dim-range-node":
        nodes[name] = .range(
          of: try field("input-node"), from: try whole("dim-offset", from: 0),
          dim: try whole("dim", from: 1))
      case "output-node": nodes[name] = .output(input: try input())
      default:
        throw ArcuateError(.unsupportedFormat, "\(kind.prefix(60)) is not supported")
      }
      names.append(name)
    }
  }

  /// Words separated by blanks outside parentheses; one without "=" belongs to the previous word.
  private static func words(_ line: String) -> [String] {
    var words: [String] = []
    var word = ""
    var depth = 0
    func end() {
      defer { word = "" }
      guard !word.isEmpty else { return }
      if words.count > 1, !word.contains("=") {
        words[words.count - 1] += " " + word
      } else {
        words.append(word)
      }
    }
    for character in line {
      if character == "(" { depth += 1 }
      if character == ")" { depth -= 1 }
      if depth == 0, character == " " || character == "\t" {
        end()
      } else {
        word.append(character)
      }
    }
    end()
    return words
  }
}
