import ArcuateCore

/// The members of a JSON object, with a memory of which were asked for.
struct Fields {
  private let members: [String: JSON]
  private var asked = Set<String>()

  init(_ members: [String: JSON]) { self.members = members }

  var unused: [String] { members.keys.filter { !asked.contains($0) }.sorted() }

  func has(_ name: String) -> Bool { members[name] != nil }

  mutating func find(_ name: String) -> JSON? {
    asked.insert(name)
    return members[name]
  }

  mutating func take(_ name: String) throws -> JSON {
    guard let value = find(name) else { throw ArcuateError(.malformed, "states no \(name)") }
    return value
  }

  mutating func whole(_ name: String) throws -> Int {
    let value = try take(name)
    return try within(name) { try Self.whole(value) }
  }

  mutating func list(_ name: String) throws -> [Int] {
    let value = try take(name)
    return try within(name) { try value.array().map(Self.whole) }
  }

  mutating func real(_ name: String) throws -> Float {
    let value = try take(name)
    return try within(name) { try value.real() }
  }

  /// Throws. `malformed` if there are members that nobody asked for.
  func finish() throws {
    if let name = unused.first {
      throw ArcuateError(.malformed, "has an unknown field \"\(name.prefix(80))\"")
    }
  }

  /// Bounded, so that sums and products of a few of them cannot overflow.
  private static func whole(_ value: JSON) throws -> Int {
    let number: Int = try value.integer()
    guard abs(number) <= 1 << 40 else {
      throw ArcuateError(.limitExceeded, "\(number) is absurd")
    }
    return number
  }
}
