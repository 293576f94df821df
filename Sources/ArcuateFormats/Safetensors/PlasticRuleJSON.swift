import ArcuateCore
import ArcuateModel

/// Rules as JSON, in files and as text; docs/plasticity-rules.md lists the fields.
extension PlasticRule {
  /// Throws. `malformed`, `limitExceeded`, `invalidArgument` naming the field.
  public init(text: String) throws(ArcuateError) {
    try self.init(try JSONParser.parse(Array(text.utf8)), matrix: nil)
  }

  /// The rule as text that `init(text:)` takes; a modulator's matrix is only named.
  public var text: String { String(decoding: json.text, as: UTF8.self) }

  init(_ json: JSON, matrix: Tensor?) throws(ArcuateError) {
    var fields = Fields(try json.object())
    self.init(
      post: try fields.take("post").string(),
      try within("terms") { () throws(ArcuateError) in
        try fields.take("terms").array().map(Term.init)
      })
    if let source = fields.find("modulator") {
      let map = try fields.take("map")
      modulator = try within("modulator") { () throws(ArcuateError) in
        try Modulator(source, map, matrix)
      }
    }
    if let json = fields.find("decay") {
      decay = try within("decay") { () throws(ArcuateError) in
        var decay = Fields(try json.object())
        let value: Decay =
          decay.has("oja") ? .oja(try decay.real("oja")) : .weight(try decay.real("weight"))
        try decay.finish()
        return value
      }
    }
    if let json = fields.find("bounds") {
      let bounds = try within("bounds") { () throws(ArcuateError) -> [Float] in
        try json.array().map { bound throws(ArcuateError) in try bound.real() }
      }
      guard bounds.count == 2 else {
        throw ArcuateError(.malformed, "has \(bounds.count) numbers, not two", at: "bounds")
      }
      (low, high) = (bounds[0], bounds[1])
    }
    if fields.has("column_sum") { columnSum = try fields.real("column_sum") }
    if let json = fields.find("scaling") {
      scaling = try within("scaling") { () throws(ArcuateError) in
        var kind = Fields(try json.object())
        let isMaximum = kind.has("maximum")
        var numbers = Fields(try kind.take(isMaximum ? "maximum" : "square").object())
        let (decay, rate) = (try numbers.real("decay"), try numbers.real("rate"))
        try numbers.finish()
        try kind.finish()
        return isMaximum ? .maximum(decay: decay, rate: rate) : .square(decay: decay, rate: rate)
      }
    }
    if let json = fields.find("apply") { application = try named(try json.string(), "apply") }
    if fields.has("first_step") { firstStep = try fields.whole("first_step") }
    if let json = fields.find("bias") {
      learnsBias = try within("bias") { () throws(ArcuateError) in try json.bool() }
    }
    try fields.finish()
  }

  var json: JSON {
    var fields: [String: JSON] = [
      "post": .string(post), "terms": .array(terms.map(\.json)),
    ]
    if let modulator {
      fields["modulator"] = modulator.sourceJSON
      fields["map"] = modulator.mapJSON
    }
    switch decay {
    case .none: break
    case .weight(let rate): fields["decay"] = .object(["weight": .number(rate)])
    case .oja(let rate): fields["decay"] = .object(["oja": .number(rate)])
    }
    if low != -.infinity || high != .infinity {
      fields["bounds"] = .array([.number(low), .number(high)])
    }
    if let columnSum { fields["column_sum"] = .number(columnSum) }
    func numbers(_ kind: String, _ decay: Float, _ rate: Float) -> JSON {
      .object([kind: .object(["decay": .number(decay), "rate": .number(rate)])])
    }
    switch scaling {
    case .none: break
    case .maximum(let decay, let rate): fields["scaling"] = numbers("maximum", decay, rate)
    case .square(let decay, let rate): fields["scaling"] = numbers("square", decay, rate)
    }
    if application != .step { fields["apply"] = .string(application.rawValue) }
    if firstStep != 0 { fields["first_step"] = .number(firstStep) }
    if learnsBias { fields["bias"] = .bool(true) }
    return .object(fields)
  }
}

extension PlasticRule.Term {
  init(_ json: JSON) throws(ArcuateError) {
    var fields = Fields(try json.object())
    let event: PlasticRule.Event = try named(try fields.take("event").string(), "event")
    let pre = try fields.take("pre")
    let post = try fields.take("post")
    self.init(
      event, pre: try within("pre") { () throws(ArcuateError) in try PlasticRule.Factor(pre) },
      post: try within("post") { () throws(ArcuateError) in try PlasticRule.Factor(post) },
      rate: try fields.real("rate"))
    try fields.finish()
  }

  var json: JSON {
    .object([
      "event": .string(event.rawValue), "pre": pre.json, "post": post.json, "rate": .number(rate),
    ])
  }
}

extension PlasticRule.Factor {
  init(_ json: JSON) throws(ArcuateError) {
    if case .string(let word) = json {
      switch word {
      case "one": self = .one
      case "value": self = .value
      case "previous": self = .previous
      default:
        throw ArcuateError(
          .invalidArgument,
          "\"\(word.prefix(80))\" is not a factor: choose one, value, previous, trace, "
            + "trace_before, since_reset, node, state, surrogate")
      }
      return
    }
    let members = try json.object()
    guard members.count == 1, let (kind, content) = members.first else {
      throw ArcuateError(.malformed, "is an object of \(members.count) members, not of one")
    }
    switch kind {
    case "trace": self = .trace(try Trace(content), before: false)
    case "trace_before": self = .trace(try Trace(content), before: true)
    case "since_reset": self = .sinceReset(try Trace(content))
    case "node": self = .node(try content.string())
    case "state": self = .state(try content.string())
    case "surrogate": self = .surrogate(try Surrogate(content))
    default: throw ArcuateError(.invalidArgument, "\"\(kind.prefix(80))\" is not a factor")
    }
  }

  var json: JSON {
    switch self {
    case .one: .string("one")
    case .value: .string("value")
    case .previous: .string("previous")
    case .trace(let trace, let before):
      .object([before ? "trace_before" : "trace": trace.json])
    case .sinceReset(let trace): .object(["since_reset": trace.json])
    case .node(let name): .object(["node": .string(name)])
    case .state(let name): .object(["state": .string(name)])
    case .surrogate(let surrogate): .object(["surrogate": surrogate.json])
    }
  }
}

extension Trace {
  /// The fields of the node, without tensors.
  fileprivate init(_ json: JSON) throws(ArcuateError) {
    var fields = Fields(try json.object())
    let form = Trace.forms[0]
    self = form.blank
    for field in form.fields where field.isRequired || fields.has(field.name) {
      let json = try fields.take(field.name)
      try within(field.name) { () throws(ArcuateError) in
        try field.set(&self, try FieldValue(json, field.storage))
      }
    }
    try fields.finish()
  }

  fileprivate var json: JSON {
    var members: [String: JSON] = [:]
    for field in form.fields { members[field.name] = field.get(self)?.json }
    return .object(members)
  }
}

extension Surrogate {
  init(_ json: JSON) throws(ArcuateError) {
    var fields = Fields(try json.object())
    switch try fields.take("kind").string() {
    case "box": self = .box(width: try fields.real("width"), height: try fields.real("height"))
    case "triangle":
      self = .triangle(width: try fields.real("width"), height: try fields.real("height"))
    case "fast_sigmoid": self = .fastSigmoid(slope: try fields.real("slope"))
    case "arctan": self = .arctan(slope: try fields.real("slope"))
    case let kind:
      throw ArcuateError(
        .invalidArgument,
        "\"\(kind.prefix(80))\" is not a surrogate: choose box, triangle, fast_sigmoid, arctan")
    }
    try fields.finish()
  }

  var json: JSON {
    func object(_ kind: String, _ numbers: [String: Float]) -> JSON {
      .object(numbers.mapValues { JSON.number($0) }.merging(["kind": .string(kind)]) { $1 })
    }
    return switch self {
    case .box(let width, let height): object("box", ["width": width, "height": height])
    case .triangle(let width, let height): object("triangle", ["width": width, "height": height])
    case .fastSigmoid(let slope): object("fast_sigmoid", ["slope": slope])
    case .arctan(let slope): object("arctan", ["slope": slope])
    case .spikeTime(let alpha, let beta): object("spike_time", ["alpha": alpha, "beta": beta])
    }
  }
}

extension PlasticRule.Modulator {
  init(_ source: JSON, _ map: JSON, _ matrix: Tensor?) throws(ArcuateError) {
    var fields = Fields(try source.object())
    let from: Source
    if fields.has("signal") {
      from = .signal(try fields.take("signal").string())
    } else if fields.has("node") {
      from = .node(try fields.take("node").string())
    } else {
      from = .error(
        node: try fields.take("error").string(), teacher: try fields.take("teacher").string())
    }
    self.init(
      from,
      try within("map") { () throws(ArcuateError) in try PlasticRule.Modulator.map(map, matrix) })
    if fields.has("scale") { scale = try fields.real("scale") }
    if fields.has("dead_zone") { deadZone = try fields.real("dead_zone") }
    if fields.has("limit") { limit = try fields.real("limit") }
    try fields.finish()
  }

  private static func map(_ json: JSON, _ matrix: Tensor?) throws(ArcuateError) -> Map {
    if case .string(let word) = json {
      switch word {
      case "all": return .all
      case "each": return .each
      case "matrix":
        guard let matrix else {
          throw ArcuateError(.invalidArgument, "a matrix can only be given in a file")
        }
        return .matrix(matrix)
      default:
        throw ArcuateError(
          .invalidArgument,
          "\"\(word.prefix(80))\" is not a map: choose all, each, matrix, "
            + "compartments, random, transpose")
      }
    }
    var fields = Fields(try json.object())
    let map: Map
    if fields.has("compartments") {
      map = .compartments(try fields.list("compartments"))
    } else if fields.has("transpose") {
      map = .transpose(of: try fields.take("transpose").string())
    } else {
      var random = Fields(try fields.take("random").object())
      map = .random(
        seed: try random.take("seed").integer(), amplitude: try random.real("amplitude"))
      try random.finish()
    }
    try fields.finish()
    return map
  }

  var sourceJSON: JSON {
    var fields: [String: JSON] = [:]
    switch source {
    case .signal(let name): fields["signal"] = .string(name)
    case .node(let name): fields["node"] = .string(name)
    case .error(let node, let teacher):
      fields["error"] = .string(node)
      fields["teacher"] = .string(teacher)
    }
    if scale != 1 { fields["scale"] = .number(scale) }
    if deadZone != 0 { fields["dead_zone"] = .number(deadZone) }
    if limit != .infinity { fields["limit"] = .number(limit) }
    return .object(fields)
  }

  var mapJSON: JSON {
    switch map {
    case .all: .string("all")
    case .each: .string("each")
    case .matrix: .string("matrix")
    case .compartments(let indices):
      .object(["compartments": .array(indices.map { JSON.number($0) })])
    case .random(let seed, let amplitude):
      .object(["random": .object(["seed": .number(seed), "amplitude": .number(amplitude)])])
    case .transpose(let node): .object(["transpose": .string(node)])
    }
  }

  /// The matrix that a file keeps beside the rule.
  var matrix: Tensor? { if case .matrix(let tensor) = map { tensor } else { nil } }
}
