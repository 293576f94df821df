import Arcuate
import ArcuateConsole
import ArgumentParser

/// A JSON object of command-line options by their long names, with _ for -.
struct ConfigFile {
  private let members: [String: JSON]
  private let path: String

  /// Throws. `cannotOpen`, `malformed`.
  init(_ path: String) throws {
    self.path = path
    let bytes = try Files.read(path, limit: 10_000_000)
    members = try within(path) {
      guard
        case .object(let members) = try JSON(parsing: String(decoding: bytes.array, as: UTF8.self))
      else { throw ArcuateError(.malformed, "must be a JSON object of options") }
      return members
    }
  }

  /// The command with the options of this file and of the command line, which take precedence: a list
  /// on the command line replaces the list in the file.
  ///
  /// Throws. `malformed` naming an option that is unknown or has a wrong value.
  func parse<Command: ParsableCommand>(
    _ command: Command.Type, before arguments: [String]
  ) throws -> Command {
    let given = Set(
      arguments.filter { $0.hasPrefix("--") }.map { $0.prefix { $0 != "=" } })
    var all: [String] = []
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      let option = "--" + name.map { $0 == "_" ? "-" : String($0) }.joined()
      guard !given.contains(option[...]) else { continue }
      all += try self.arguments(option, value)
    }
    do {
      return try command.parse(all + arguments)
    } catch {
      // The command line itself has been parsed before.
      throw ArcuateError(.malformed, command.message(for: error), at: path)
    }
  }

  private func arguments(_ option: String, _ value: JSON) throws -> [String] {
    switch value {
    case .string(let text), .number(let text): ["\(option)=\(text)"]
    case .bool(let isOn): isOn ? [option] : []
    case .array(let values): try values.flatMap { try arguments(option, $0) }
    case .null: []
    case .object: throw ArcuateError(.malformed, "\(option) cannot be an object", at: path)
    }
  }
}
