import ArcuateCore
import ArcuateModel

/// The stored fields of one node and the operator they make.
struct NodeFields {
  private let reader: NIRReader
  private let group: NIRReader.Group
  private let type: String
  private var used: Set<String> = ["type", "metadata", "input_type", "output_type"]
  /// The shapes of the tensors read so far, by field.
  private var shapes: [String: Shape] = [:]
  private(set) var repairs: [String] = []
  private(set) var metadata: [String: Metadata] = [:]

  init(_ reader: NIRReader, _ group: NIRReader.Group, type: String) throws(ArcuateError) {
    self.reader = reader
    self.group = group
    self.type = type
    if let header = group.header("metadata") {
      metadata = try reader.metadata(header, group.path + "/metadata", depth: 0)
    }
  }

  func unused() -> [String] { group.members.map(\.name).filter { !used.contains($0) } }

  /// Nil for a type that is not NIR's.
  mutating func operation() throws(ArcuateError) -> Operator? {
    guard let kind = NodeNames.all.nir[type] else { return nil }
    return try operation(kind)
  }

  private mutating func operation<Kind: NodeKind>(_: Kind.Type) throws(ArcuateError) -> Operator {
    let form = Kind.forms.first { $0.nirNames.contains(type) }!
    var node = form.blank
    for field in form.fields {
      guard case .field(let names, let absence, true, _) = field.nir else { continue }
      let known = names.isEmpty ? [field.name] : names
      guard let value = try value(known, field.storage, absence) else { continue }
      try within(group.path) { () throws(ArcuateError) in try field.set(&node, value) }
    }
    return node.asOperator
  }

  // MARK: Fields

  /// The field under one of its names; nil if it is absent and has no default.
  private mutating func value(
    _ names: [String], _ storage: FieldStorage, _ absence: FieldAbsence
  ) throws(ArcuateError) -> FieldValue? {
    let name = names[0]
    used.insert(name)
    for name in names {
      if let header = group.header(name) { return try value(name, header, storage) }
    }
    switch absence {
    case .refused:
      throw ArcuateError(.invalidModel, "a \(type) needs \"\(name)\"", at: group.path)
    case .ignored: return nil
    case .reported(let message):
      repairs.append(message)
      return nil
    case .integer(let number):
      repairs.append("has no \(name): \(number)")
      return switch storage {
      case .integers(let count), .integersOrWord(let count):
        .integers([Int](repeating: number, count: count))
      case .integer, .tensor, .tensors, .indices, .extents, .seed, .number, .flag, .word, .rule,
        .semantics, .graph:
        .integer(number)
      }
    case .filled(let number, let other):
      repairs.append("has no \(name): \(number == 0 ? "zeros" : "ones")")
      return .tensor(.filled(number, shape: shapes[other] ?? .scalar))
    }
  }

  private mutating func value(
    _ name: String, _ header: Int, _ storage: FieldStorage
  ) throws(ArcuateError) -> FieldValue {
    switch storage {
    case .tensor: return .tensor(try tensor(name, header))
    case .extents(let count):
      let extents = try extents(header, name)
      if let count, extents.count == 1 {
        return .integers([Int](repeating: extents[0], count: count))
      }
      return .integers(extents)
    case .integers(let count): return .integers(try integers(name, header, count))
    case .integersOrWord(let count):
      let data = try reader.dataset(header, "\(group.path)/\(name)")
      if case .strings(let texts) = data.value { return .word(texts.first ?? "") }
      return .integers(try integers(name, header, count))
    case .integer: return .integer(try integers(name, header, 1)[0])
    case .tensors, .indices, .seed, .number, .flag, .word, .rule, .semantics, .graph:
      throw ArcuateError(.unsupportedFormat, "NIR has no such field", at: "\(group.path)/\(name)")
    }
  }

  private mutating func tensor(_ name: String, _ header: Int) throws(ArcuateError) -> Tensor {
    let path = "\(group.path)/\(name)"
    let data = try reader.dataset(header, path)
    guard case .numbers(let numbers) = data.value else {
      throw ArcuateError(.malformed, "is not numbers", at: path)
    }
    let tensor = try within(path) { () throws(ArcuateError) in try numbers.tensor(Shape(data.shape))
    }
    shapes[name] = tensor.shape
    return tensor
  }

  /// `count` integers; a single one is repeated.
  private func integers(_ name: String, _ header: Int, _ count: Int) throws(ArcuateError) -> [Int] {
    let values = try whole(header, name)
    if values.count == count { return values }
    guard values.count == 1 else {
      throw ArcuateError(
        .invalidModel, "\(name) has \(values.count) numbers, not \(count)", at: group.path)
    }
    return [Int](repeating: values[0], count: count)
  }

  private func extents(_ header: Int, _ name: String) throws(ArcuateError) -> [Int] {
    let values = try whole(header, name)
    guard values.allSatisfy({ (0...1 << 40).contains($0) }) else {
      throw ArcuateError(.invalidModel, "\(name) is \(values)", at: group.path)
    }
    return values
  }

  private func whole(_ header: Int, _ name: String) throws(ArcuateError) -> [Int] {
    let path = "\(group.path)/\(name)"
    guard case .numbers(let numbers) = try reader.dataset(header, path).value else {
      throw ArcuateError(.malformed, "is not numbers", at: path)
    }
    return try numbers.doubles().map { number throws(ArcuateError) in
      guard number.magnitude <= 1e12, let whole = Int(exactly: number) else {
        throw ArcuateError(.invalidModel, "\(number) is not a whole number", at: path)
      }
      return whole
    }
  }
}
