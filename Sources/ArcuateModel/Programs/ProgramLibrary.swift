import ArcuateCore
import CPrograms

/// The neuron programs of the folder `programs` (docs/neuron-library.md), which are part of the
/// library.
public enum ProgramLibrary {
  /// The names, in ascending order.
  public static let names: [String] = {
    var names: [String] = []
    while let name = cprograms_name(names.count) { names.append(String(cString: name)) }
    return names
  }()

  /// The text of a program. Throws. `notFound` for a name that is not one of `names`.
  public static func text(_ name: String) throws(ArcuateError) -> String {
    guard let index = names.firstIndex(of: name), let text = cprograms_text(index) else {
      throw ArcuateError(
        .notFound,
        "there is no program \"\(name.prefix(80))\": choose \(names.joined(separator: ", "))")
    }
    return String(cString: text)
  }
}
