import ArcuateCore

/// How a field of a node is stored in files.
package enum FieldStorage {
  case tensor
  /// Tensors by name.
  case tensors
  /// A list of 32- or 64-bit integers, which stays in the file.
  case indices
  /// Extents of a shape. With a `count`, a single number stands for all of them.
  case extents(count: Int?)
  /// A single number stands for all of them.
  case integers(count: Int)
  /// As `integers`, or a word instead of the numbers.
  case integersOrWord(count: Int)
  case integer
  case seed
  case number
  case flag
  case word
  case rule
  case semantics
  case graph
}

/// The value of a field.
package enum FieldValue {
  case tensor(Tensor)
  case tensors([String: Tensor])
  case indices(IndexArray)
  /// Integers and extents.
  case integers([Int])
  case integer(Int)
  case seed(UInt64)
  case number(Float)
  case flag(Bool)
  case word(String)
  case rule(PlasticRule)
  case semantics(NeuronSemantics)
  case graph(Model)
}

/// Which elements a tensor field has.
package enum FieldExtent {
  /// Those of its shape.
  case own
  /// One, or one per element of the node's output; NIR stores all of them.
  case elements
}

/// What a NIR reader does if a field is absent, as in files of early versions.
package enum FieldAbsence {
  case refused
  case ignored
  /// Reports the message.
  case reported(String)
  /// Takes the number, and reports it.
  case integer(Int)
  /// Takes a tensor of this number in the shape of another field, and reports it.
  case filled(Float, like: String)
}

/// The shapes around a node, where they are known.
package struct NodeShapes {
  package var input: Shape?
  package var output: Shape?
  package init(input: Shape?, output: Shape?) {
    self.input = input
    self.output = output
  }
}

/// One field of a node in files: its name, how it is stored, and where the node has it.
package struct Field<Kind> {
  /// How NIR has the field.
  package enum NIR {
    /// `names`, of which the first is written, are those in the file if they differ; a field that
    /// is not `isRead` is only written. `value` gives what is written if it differs from the
    /// node's.
    case field(
      names: [String] = [], absence: FieldAbsence = .refused, isRead: Bool = true,
      value: ((Kind, NodeShapes) throws(ArcuateError) -> FieldValue?)? = nil)
    /// Not at all. `refusal` is the message if the field of a node cannot be left out.
    case none(refusal: (Kind) -> String? = { _ in nil })
  }

  package let name: String
  package let storage: FieldStorage
  package let isRequired: Bool
  /// The unit of the numbers, if they have one.
  package let unit: String?
  package let extent: FieldExtent
  package let nir: NIR
  /// The value to store; nil if the field is left out.
  package let get: (Kind) -> FieldValue?
  /// Sets a stored value. Throws. `malformed`, `invalidArgument`, `invalidModel`.
  package let set: (inout Kind, FieldValue) throws(ArcuateError) -> Void

  init(
    _ name: String, _ storage: FieldStorage, isRequired: Bool = true, unit: String? = nil,
    extent: FieldExtent = .own, nir: NIR = .field(), get: @escaping (Kind) -> FieldValue?,
    set: @escaping (inout Kind, FieldValue) throws(ArcuateError) -> Void
  ) {
    self.name = name
    self.storage = storage
    self.isRequired = isRequired
    self.unit = unit
    self.extent = extent
    self.nir = nir
    self.get = get
    self.set = set
  }

  /// The field of a node that has a `Kind` as a part, and that NIR lacks.
  func part<Whole>(_ part: WritableKeyPath<Whole, Kind>) -> Field<Whole> {
    let (get, set) = (get, set)
    return Field<Whole>(
      name, storage, isRequired: isRequired, unit: unit, extent: extent, nir: .none(),
      get: { get($0[keyPath: part]) },
      set: { whole, value throws(ArcuateError) in try set(&whole[keyPath: part], value) })
  }
}

// Fields at key paths. Those of optional properties, and those with a `plain` value, are left out
// if the property is nil or has that value.

extension Field {
  static func tensor(
    _ name: String, _ path: WritableKeyPath<Kind, Tensor>, isRequired: Bool = true,
    unit: String? = nil, extent: FieldExtent = .own, nir: NIR = .field()
  ) -> Field {
    Field(
      name, .tensor, isRequired: isRequired, unit: unit, extent: extent, nir: nir,
      get: { .tensor($0[keyPath: path]) },
      set: { if case .tensor(let tensor) = $1 { $0[keyPath: path] = tensor } })
  }

  static func tensor(
    _ name: String, _ path: WritableKeyPath<Kind, Tensor?>, isRequired: Bool = false,
    unit: String? = nil, extent: FieldExtent = .own, nir: NIR = .field()
  ) -> Field {
    Field(
      name, .tensor, isRequired: isRequired, unit: unit, extent: extent, nir: nir,
      get: { $0[keyPath: path].map { .tensor($0) } },
      set: { if case .tensor(let tensor) = $1 { $0[keyPath: path] = tensor } })
  }

  static func indices(_ name: String, _ path: WritableKeyPath<Kind, IndexArray>) -> Field {
    Field(
      name, .indices, nir: .none(), get: { .indices($0[keyPath: path]) },
      set: { if case .indices(let indices) = $1 { $0[keyPath: path] = indices } })
  }

  static func shape(
    _ name: String, _ path: WritableKeyPath<Kind, Shape>, nir: NIR = .field()
  ) -> Field {
    Field(
      name, .extents(count: nil), nir: nir, get: { .integers($0[keyPath: path].extents) },
      set: { node, value throws(ArcuateError) in
        if case .integers(let extents) = value { node[keyPath: path] = try Shape(extents) }
      })
  }

  static func integers(
    _ name: String, count: Int, _ path: WritableKeyPath<Kind, [Int]>, nir: NIR = .field()
  ) -> Field {
    Field(
      name, .integers(count: count), nir: nir, get: { .integers($0[keyPath: path]) },
      set: { if case .integers(let values) = $1 { $0[keyPath: path] = values } })
  }

  static func integer(
    _ name: String, _ path: WritableKeyPath<Kind, Int>, nir: NIR = .field()
  ) -> Field {
    Field(
      name, .integer, nir: nir, get: { .integer($0[keyPath: path]) },
      set: { if case .integer(let value) = $1 { $0[keyPath: path] = value } })
  }

  static func integer(_ name: String, _ path: WritableKeyPath<Kind, Int?>) -> Field {
    Field(
      name, .integer, isRequired: false, nir: .none(),
      get: { $0[keyPath: path].map { .integer($0) } },
      set: { if case .integer(let value) = $1 { $0[keyPath: path] = value } })
  }

  static func seed(_ name: String, _ path: WritableKeyPath<Kind, UInt64>) -> Field {
    Field(
      name, .seed, nir: .none(), get: { .seed($0[keyPath: path]) },
      set: { if case .seed(let value) = $1 { $0[keyPath: path] = value } })
  }

  static func number(
    _ name: String, _ path: WritableKeyPath<Kind, Float>, plain: Float? = nil, unit: String? = nil
  ) -> Field {
    Field(
      name, .number, isRequired: plain == nil, unit: unit, nir: .none(),
      get: { $0[keyPath: path] == plain ? nil : .number($0[keyPath: path]) },
      set: { if case .number(let value) = $1 { $0[keyPath: path] = value } })
  }

  static func number(
    _ name: String, _ path: WritableKeyPath<Kind, Float?>, unit: String? = nil
  ) -> Field {
    Field(
      name, .number, isRequired: false, unit: unit, nir: .none(),
      get: { $0[keyPath: path].map { .number($0) } },
      set: { if case .number(let value) = $1 { $0[keyPath: path] = value } })
  }

  static func flag(
    _ name: String, _ path: WritableKeyPath<Kind, Bool>, plain: Bool? = nil
  ) -> Field {
    Field(
      name, .flag, isRequired: plain == nil, nir: .none(),
      get: { $0[keyPath: path] == plain ? nil : .flag($0[keyPath: path]) },
      set: { if case .flag(let value) = $1 { $0[keyPath: path] = value } })
  }

  static func word<Word: RawRepresentable & CaseIterable>(
    _ name: String, _ path: WritableKeyPath<Kind, Word>
  ) -> Field where Word.RawValue == String {
    Field(
      name, .word, isRequired: false, nir: .none(), get: { .word($0[keyPath: path].rawValue) },
      set: { node, value throws(ArcuateError) in
        if case .word(let word) = value { node[keyPath: path] = try named(word, name) }
      })
  }

  static func rule(_ name: String, _ path: WritableKeyPath<Kind, PlasticRule>) -> Field {
    Field(
      name, .rule, nir: .none(), get: { .rule($0[keyPath: path]) },
      set: { if case .rule(let rule) = $1 { $0[keyPath: path] = rule } })
  }
}
