import Arcuate
import ArcuateConsole
import ArcuateData

/// Options of a JSON file, behind those of the command line.
struct Settings {
  private let members: [String: JSON]
  private let path: String
  private var asked: Set<String> = []

  /// Throws. `cannotOpen`, `malformed`.
  init(_ path: String?) throws {
    self.path = path ?? ""
    guard let path else {
      members = [:]
      return
    }
    members = try within(path) {
      let text = String(decoding: try Files.read(path, limit: 10_000_000).array, as: UTF8.self)
      guard case .object(let members) = try JSON(parsing: text) else {
        throw ArcuateError(.malformed, "is not an object of options")
      }
      return members
    }
  }

  private mutating func find(_ name: String) -> JSON? {
    asked.insert(name)
    return members[name]
  }

  private func misfit(_ name: String, _ expected: String) -> ArcuateError {
    ArcuateError(.malformed, "\(name) is not \(expected)", at: path)
  }

  mutating func whole<T: FixedWidthInteger>(_ name: String, _ given: T?) throws -> T? {
    let stated = find(name)
    if let given { return given }
    guard let stated else { return nil }
    guard case .number(let text) = stated, let number = T(text) else {
      throw misfit(name, "a whole number")
    }
    return number
  }

  mutating func real<T: BinaryFloatingPoint & LosslessStringConvertible>(
    _ name: String, _ given: T?
  ) throws -> T? {
    let stated = find(name)
    if let given { return given }
    guard let stated else { return nil }
    guard case .number(let text) = stated, let number = T(text), number.isFinite else {
      throw misfit(name, "a number")
    }
    return number
  }

  mutating func text(_ name: String, _ given: String?) throws -> String? {
    let stated = find(name)
    if let given { return given }
    guard let stated else { return nil }
    guard case .string(let text) = stated else { throw misfit(name, "a text") }
    return text
  }

  mutating func choice<T: RawRepresentable & CaseIterable>(
    _ name: String, _ given: T?
  ) throws -> T? where T.RawValue == String {
    let stated = try text(name, nil)
    if let given { return given }
    guard let stated else { return nil }
    guard let value = T(rawValue: stated) else {
      throw misfit(name, "one of " + T.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return value
  }

  /// What the command line lists, or else the file.
  mutating func list(_ name: String, _ given: [String]) throws -> [String] {
    let stated = find(name)
    guard given.isEmpty, let stated else { return given }
    guard case .array(let values) = stated else { throw misfit(name, "a list of texts") }
    return try values.map {
      guard case .string(let text) = $0 else { throw misfit(name, "a list of texts") }
      return text
    }
  }

  /// Throws. `malformed` for an option that there is not.
  func finish() throws {
    if let name = members.keys.filter({ !asked.contains($0) }).sorted().first {
      throw ArcuateError(.malformed, "there is no option \"\(name.prefix(80))\"", at: path)
    }
  }
}
