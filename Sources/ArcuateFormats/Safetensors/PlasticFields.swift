import ArcuateCore
import ArcuateModel

/// The nodes of networks that learn, as fields of a file. Arrays are tensors of the container; the
/// rule is JSON, as `PlasticRuleJSON` says.
extension PlasticNode {
  static let kinds = [
    "PlasticLinear", "PlasticConv1d", "PlasticConv2d", "Cell", "Trace", "Winners", "Projection",
  ]

  func fields(_ put: (String, Tensor?) -> Void) -> [String: JSON] {
    switch self {
    case .linear(let linear):
      put("weight", linear.weight)
      put("bias", linear.bias)
      put("alpha", linear.alpha)
      return linear.rule.fields(put)
    case .convolution(let plastic):
      return plastic.convolution.fields(put).merging(plastic.rule.fields(put)) { $1 }
    case .cell(let cell):
      put("v_threshold", cell.threshold)
      put("theta", cell.theta)
      return cell.fields
    case .trace(let trace): return trace.fields
    case .winners(let count): return ["count": .number(count)]
    case .projection(let projection):
      var fields: [String: JSON] = [
        "shape": .array([.number(projection.post), .number(projection.pre)]),
        "seed": .number(projection.seed), "amplitude": .number(projection.amplitude),
      ]
      if let fanIn = projection.fanIn { fields["fan_in"] = .number(fanIn) }
      return fields
    }
  }
}

extension PlasticRule {
  fileprivate func fields(_ put: (String, Tensor?) -> Void) -> [String: JSON] {
    put("matrix", modulator?.matrix)
    return ["rule": json]
  }
}

extension SafetensorsReader {
  private mutating func rule(_ fields: inout Fields) throws -> PlasticRule {
    let matrix = try optional("matrix", &fields)
    let rule = try fields.take("rule")
    return try within("rule") { try PlasticRule(rule, matrix: matrix) }
  }

  mutating func plastic(_ kind: String, _ fields: inout Fields) throws -> PlasticNode {
    switch kind {
    case "PlasticLinear":
      let rule = try rule(&fields)
      return .linear(
        PlasticLinear(
          weight: try tensor("weight", &fields), bias: try optional("bias", &fields),
          alpha: try optional("alpha", &fields), rule: rule))
    case "PlasticConv1d", "PlasticConv2d":
      let rule = try rule(&fields)
      return .convolution(
        PlasticConvolution(
          try convolution(axes: kind == "PlasticConv1d" ? 1 : 2, &fields), rule: rule))
    case "Cell":
      var cell = try Cell(from: &fields)
      if let threshold = try optional("v_threshold", &fields) { cell.threshold = threshold }
      if let theta = try optional("theta", &fields) { cell.theta = theta }
      return .cell(cell)
    case "Trace": return .trace(try Trace(from: &fields))
    case "Winners": return .winners(count: try fields.whole("count"))
    default:
      let shape = try fields.list("shape")
      guard shape.count == 2 else {
        throw ArcuateError(.malformed, "has \(shape.count) numbers, not [post, pre]", at: "shape")
      }
      let seed: UInt64 = try within("seed") { try fields.take("seed").integer() }
      return .projection(
        Projection(
          post: shape[0], pre: shape[1], seed: seed, amplitude: try fields.real("amplitude"),
          fanIn: fields.has("fan_in") ? try fields.whole("fan_in") : nil))
    }
  }
}

extension Cell {
  init(from fields: inout Fields) throws {
    self.init(size: try fields.whole("size"))
    func number(_ name: String, _ path: WritableKeyPath<Cell, Float>) throws {
      if fields.has(name) { self[keyPath: path] = try fields.real(name) }
    }
    func maybe(_ name: String, _ path: WritableKeyPath<Cell, Float?>) throws {
      if fields.has(name) { self[keyPath: path] = try fields.real(name) }
    }
    for (name, path) in Cell.numbers { try number(name, path) }
    for (name, path) in Cell.options { try maybe(name, path) }
    for (name, path) in Cell.flags {
      if let json = fields.find(name) {
        self[keyPath: path] = try within(name) { try json.bool() }
      }
    }
    if let json = fields.find("reset") { reset = try named(try json.string(), "reset") }
    if fields.has("winners") { winners = try fields.whole("winners") }
  }

  var fields: [String: JSON] {
    let plain = Cell(size: size)
    var fields: [String: JSON] = ["size": .number(size), "reset": .string(reset.rawValue)]
    for (name, path) in Cell.numbers where self[keyPath: path] != plain[keyPath: path] {
      fields[name] = .number(self[keyPath: path])
    }
    for (name, path) in Cell.options {
      if let value = self[keyPath: path] { fields[name] = .number(value) }
    }
    for (name, path) in Cell.flags where self[keyPath: path] { fields[name] = .bool(true) }
    if let winners { fields["winners"] = .number(winners) }
    return fields
  }

  private static var numbers: [(String, WritableKeyPath<Cell, Float>)] {
    [
      ("rest", \.rest), ("gain", \.gain), ("v_reset", \.resetValue),
      ("refractory", \.refractory_s), ("adaptation", \.adaptation), ("recovery", \.recovery),
      ("lateral", \.lateral),
    ]
  }
  private static var options: [(String, WritableKeyPath<Cell, Float?>)] {
    [
      ("tau", \.tauMembrane_s), ("tau_syn", \.tauSynapse_s), ("e_excitation", \.excitation),
      ("e_inhibition", \.inhibition), ("tau_adaptation", \.tauAdaptation_s),
      ("tau_recovery", \.tauRecovery_s), ("tau_lateral", \.tauLateral_s),
    ]
  }
  private static var flags: [(String, WritableKeyPath<Cell, Bool>)] {
    [("or_equal", \.orEqual), ("euler", \.isEuler), ("silences", \.silences)]
  }
}
