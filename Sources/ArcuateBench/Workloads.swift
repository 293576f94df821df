import Arcuate

/// All workloads, in the order in which they run.
enum Workloads {
  static let all: [any Workload.Type] = [
    SpeechWorkload.self, RecurrentWorkload.self, EventWorkload.self,
    DelaysWorkload<DelaysSizes.Smallest>.self, DelaysWorkload<DelaysSizes.Small>.self,
  ]
  /// Workloads that take minutes and up to a gigabyte: they run only if named.
  static let onRequest: [any Workload.Type] = [
    DelaysWorkload<DelaysSizes.Large>.self, DelaysWorkload<DelaysSizes.Largest>.self,
  ]

  /// One line for each, for the help.
  static func list(_ types: [any Workload.Type]) -> String {
    let width = (all + onRequest).map { $0.name.count }.max() ?? 0
    return types.map { type in
      "  \(type.name)\(String(repeating: " ", count: width - type.name.count))  \(type.summary)"
    }.joined(separator: "\n")
  }

  /// Throws. `notFound` listing the names.
  static func named(_ name: String) throws -> any Workload.Type {
    guard let type = (all + onRequest).first(where: { $0.name == name }) else {
      let names = (all + onRequest).map { $0.name }.joined(separator: ", ")
      throw ArcuateError(.notFound, "unknown workload \"\(name)\"; use one of \(names)")
    }
    return type
  }
}
