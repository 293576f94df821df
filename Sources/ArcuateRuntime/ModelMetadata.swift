import ArcuateCore
import ArcuateModel

/// What a model's metadata states about its use.
extension Model {
  /// A number, or text that is one; nil for anything else and where there is nothing of that name.
  public func metadataNumber(_ name: String) -> Double? {
    switch metadata[name] {
    case .number(let number): number
    case .string(let text): Double(text)
    default: nil
    }
  }

  /// An integer; nil where there is nothing of that name. Throws. `invalidModel` for anything else.
  public func metadataInteger(_ name: String) throws(ArcuateError) -> Int? {
    guard metadata[name] != nil else { return nil }
    guard let number = metadataNumber(name), let integer = Int(exactly: number) else {
      throw misfit(name, "must be an integer")
    }
    return integer
  }

  /// A case by its name; nil where there is nothing of that name. Throws. `invalidModel` for
  /// anything else.
  public func metadataChoice<T: RawRepresentable & CaseIterable>(
    _ name: String
  ) throws(ArcuateError) -> T? where T.RawValue == String {
    guard let value = metadata[name] else { return nil }
    if case .string(let text) = value, let choice = T(rawValue: text) { return choice }
    let names = T.allCases.map(\.rawValue)
    throw misfit(name, "must be \(names.dropLast().joined(separator: ", ")) or \(names.last ?? "")")
  }

  private func misfit(_ name: String, _ message: String) -> ArcuateError {
    ArcuateError(
      .invalidModel, "\(message); set the option of that name to override it",
      at: "metadata \"\(name)\"")
  }
}
