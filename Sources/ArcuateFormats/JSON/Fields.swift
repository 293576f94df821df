import ArcuateCore

/// The members of a JSON object, which records the members that were read.
struct Fields {
  private let members: [String: JSON]
  private var read = Set<String>()

  init(_ members: [String: JSON]) { self.members = members }

  var unused: [String] { members.keys.filter { !read.contains($0) }.sorted() }

  func has(_ name: String) -> Bool { members[name] != nil }

  mutating func find(_ name: String) -> JSON? {
    read.insert(name)
    return members[name]
  }

  mutating func take(_ name: String) throws(ArcuateError) -> JSON {
    guard let value = find(name) else { throw ArcuateError(.malformed, "has no \(name)") }
    return value
  }

  mutating func whole(_ name: String) throws(ArcuateError) -> Int {
    let value = try take(name)
    return try within(name) { () throws(ArcuateError) in try Self.whole(value) }
  }

  mutating func list(_ name: String) throws(ArcuateError) -> [Int] {
    let value = try take(name)
    return try within(name) { () throws(ArcuateError) in try value.array().map(Self.whole) }
  }

  mutating func real(_ name: String) throws(ArcuateError) -> Float {
    let value = try take(name)
    return try within(name) { () throws(ArcuateError) in try value.real() }
  }

  /// Throws. `malformed` for a member that was not read.
  func finish() throws(ArcuateError) {
    if let name = unused.first {
      throw ArcuateError(.malformed, "has an unknown field \"\(name.prefix(80))\"")
    }
  }

  /// Bounded, so that sums and products of a few of them cannot overflow.
  static func whole(_ value: JSON) throws(ArcuateError) -> Int {
    let number: Int = try value.integer()
    guard number.magnitude <= 1 << 40 else {
      throw ArcuateError(.limitExceeded, "\(number) exceeds the limit of 2^40")
    }
    return number
  }
}
