import ArcuateCore

/// One name of a kind of node in files, with the fields stored under it.
///
/// This description alone determines how safetensors files, NIR files and layer lists are read and
/// written.
package struct NodeForm<Kind> {
  /// The form in NIR.
  package enum NIR {
    /// The same name; `aliases` are also read.
    case native(aliases: [String] = [])
    /// No name. `hint` ends the message.
    case none(hint: String = "")
    /// No name, but the node can be written as another one where `rewrite` does not throw.
    case substituted(rewrite: (Kind) throws(ArcuateError) -> Operator)
  }

  /// How a layer list states the node.
  package struct Layer {
    package let name: String
    /// The node for a layer with these fields.
    package let make: (any LayerFields) throws(ArcuateError) -> Kind
  }

  package let name: String
  package let nir: NIR
  /// In the order in which they are read.
  package let fields: [Field<Kind>]
  package let layer: Layer?
  /// The node before its fields are read.
  package let blank: Kind
  /// Whether the node becomes one of another kind once it is read, and so is checked then.
  package let isConverted: Bool

  init(
    _ name: String, nir: NIR, _ fields: [Field<Kind>], blank: Kind, layer: Layer? = nil,
    isConverted: Bool = false
  ) {
    self.name = name
    self.nir = nir
    self.fields = fields
    self.blank = blank
    self.layer = layer
    self.isConverted = isConverted
  }

  /// The names of the form in NIR files.
  package var nirNames: [String] {
    if case .native(let aliases) = nir { [name] + aliases } else { [] }
  }
}

/// What a layer list states about one layer.
///
/// Fields without a `fallback` are required. Each method throws `malformed` naming the field, and
/// the reader refuses fields that nothing asked for.
package protocol LayerFields: AnyObject {
  /// The shape of the layer's input.
  var input: Shape { get }
  var dt_s: Double { get }
  func has(_ name: String) -> Bool
  func isWord(_ name: String, _ word: String) -> Bool
  func flag(_ name: String, or fallback: Bool) throws(ArcuateError) -> Bool
  func number(_ name: String, or fallback: Float?) throws(ArcuateError) -> Float
  /// A list of numbers, or lists of them, one after another; nil if the field is no list.
  func numbers(_ name: String) throws(ArcuateError) -> [Float]?
  /// At least `least`.
  func whole(_ name: String, least: Int, or fallback: Int?) throws(ArcuateError) -> Int
  func text(_ name: String) throws(ArcuateError) -> String
  /// 0 if it is absent.
  func seed(_ name: String) throws(ArcuateError) -> UInt64
  /// One number per axis, or one for all of them.
  func extents(
    _ name: String, axes: Int, least: Int, or fallback: Int?
  ) throws(ArcuateError) -> [Int]
  /// Counts numbers that the layer is about to make of few. Throws. `limitExceeded` if those of all
  /// layers become too many.
  func spend(_ count: Int) throws(ArcuateError)
  /// Initial weights, sampled by the rule that the list states.
  func weight(_ shape: Shape, inputs: Int, outputs: Int) throws(ArcuateError) -> Tensor
  func bias(_ count: Int, inputs: Int) throws(ArcuateError) -> Tensor
}

/// Kinds of nodes by their names.
package struct NodeNames: Sendable {
  /// By `NodeForm.name`.
  package private(set) var forms: [String: any NodeKind.Type] = [:]
  /// By the names in NIR files.
  package private(set) var nir: [String: any NodeKind.Type] = [:]
  /// By the names in layer lists.
  package private(set) var layers: [String: any NodeKind.Type] = [:]

  package static let all = NodeNames(Operator.kinds + PlasticNode.kinds + [Cell.self])

  private init(_ kinds: [any NodeKind.Type]) {
    for kind in kinds { add(kind) }
  }

  private mutating func add<Kind: NodeKind>(_ kind: Kind.Type) {
    for form in Kind.forms {
      forms[form.name] = kind
      for name in form.nirNames { nir[name] = kind }
      if let layer = form.layer { layers[layer.name] = kind }
    }
  }
}
