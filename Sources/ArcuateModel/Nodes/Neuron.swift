import ArcuateCore

/// One of NIR's six neurons. Each tensor has the neuron shape or one element.
///
///     I        v' = r i
///     IF       v' = r i,                        spike and reset
///     LI       tau v' = (v_leak - v) + r i
///     LIF      as LI,                           spike and reset
///     CubaLI   tau_syn i' = -i + w_in x;  tau_mem v' = (v_leak - v) + r i
///     CubaLIF  as CubaLI,                       spike and reset
///
/// | parameter   | unit | default | NIR field          |
/// |-------------|------|---------|--------------------|
/// | tauSynapse  | s    | –       | tau_syn            |
/// | tauMembrane | s    | –       | tau, tau_mem       |
/// | resistance  | 1    | 1       | r                  |
/// | leak        | 1    | 0       | v_leak             |
/// | threshold   | 1    | –       | v_threshold        |
/// | resetValue  | 1    | 0       | v_reset            |
/// | inputWeight | 1    | 1       | w_in               |
/// | initial     | 1    | 0       | – (the extension v_initial: the membrane at rest) |
public struct Neuron: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case i = "I"
    case integrateAndFire = "IF"
    case li = "LI"
    case lif = "LIF"
    case cubaLI = "CubaLI"
    case cubaLIF = "CubaLIF"

    public var spikes: Bool { self == .integrateAndFire || self == .lif || self == .cubaLIF }
    public var leaks: Bool { self != .i && self != .integrateAndFire }
    public var hasSynapse: Bool { self == .cubaLI || self == .cubaLIF }
  }
  public var kind: Kind
  public var tauSynapse: Tensor?
  public var tauMembrane: Tensor?
  public var resistance: Tensor
  public var leak: Tensor?
  public var threshold: Tensor?
  public var resetValue: Tensor?
  public var inputWeight: Tensor?
  /// The membrane after a reset of the stream; nil is zero.
  public var initial: Tensor?
  /// Overrides the semantics of the model for this node.
  public var semantics: NeuronSemantics?

  public init(
    _ kind: Kind, tauSynapse: Tensor? = nil, tauMembrane: Tensor? = nil,
    resistance: Tensor = Tensor(scalar: 1), leak: Tensor? = nil, threshold: Tensor? = nil,
    resetValue: Tensor? = nil, inputWeight: Tensor? = nil, initial: Tensor? = nil,
    semantics: NeuronSemantics? = nil
  ) {
    self.kind = kind
    self.tauSynapse = tauSynapse
    self.tauMembrane = tauMembrane
    self.resistance = resistance
    self.leak = leak
    self.threshold = threshold
    self.resetValue = resetValue
    self.inputWeight = inputWeight
    self.initial = initial
    self.semantics = semantics
  }

  /// The names that `parameters` of any kind have.
  public static let parameterNames = [
    "tau", "tau_mem", "tau_syn", "r", "v_leak", "v_threshold", "v_reset", "w_in", "v_initial",
  ]

  /// Every parameter this kind has, by its NIR field name, or that of the extension.
  public var parameters: [(name: String, tensor: Tensor)] {
    var all: [(String, Tensor?)] = [("tau_syn", tauSynapse)]
    all.append((kind.hasSynapse ? "tau_mem" : "tau", tauMembrane))
    all += [
      ("r", resistance), ("v_leak", leak), ("v_threshold", threshold), ("v_reset", resetValue),
      ("w_in", inputWeight), ("v_initial", initial),
    ]
    return all.compactMap { name, tensor in tensor.map { (name, $0) } }
  }

  /// The same with parameters that are repeated along some axes, such as [4, 1, 1], in full.
  /// Throws. `shapeMismatch`.
  package func expanded(to shape: Shape) throws(ArcuateError) -> Neuron {
    var neuron = self
    for (name, tensor) in parameters where tensor.count != 1 && tensor.count != shape.count {
      neuron.set(name, try Tensor(try tensor.broadcast(to: shape), shape: shape))
    }
    return neuron
  }

  /// Sets the parameter of this name, one of `parameterNames`.
  package mutating func set(_ name: String, _ tensor: Tensor) {
    switch name {
    case "tau", "tau_mem": tauMembrane = tensor
    case "tau_syn": tauSynapse = tensor
    case "r": resistance = tensor
    case "v_leak": leak = tensor
    case "v_threshold": threshold = tensor
    case "v_reset": resetValue = tensor
    case "w_in": inputWeight = tensor
    case "v_initial": initial = tensor
    default: break
    }
  }
}

extension Neuron: NodeKind {
  package static var forms: [NodeForm<Self>] { Kind.allCases.map(form) }

  private static func form(_ kind: Kind) -> NodeForm<Self> {
    // NIR requires what the equations of the kind use; early versions leave out w_in and v_reset.
    func required(_ isUsed: Bool) -> Field<Self>.NIR { .field(isRead: isUsed) }
    func filled(
      _ isUsed: Bool, _ number: Float, like other: String, _ path: KeyPath<Self, Tensor?>
    ) -> Field<Self>.NIR {
      .field(absence: .filled(number, like: other), isRead: isUsed) { neuron, _ in
        (neuron[keyPath: path] ?? (isUsed ? Tensor(scalar: number) : nil)).map { .tensor($0) }
      }
    }
    let (leaks, spikes, hasSynapse) = (kind.leaks, kind.spikes, kind.hasSynapse)
    let fields: [Field<Self>] = [
      .tensor(
        "tau_syn", \.tauSynapse, unit: "s", extent: .elements, nir: required(hasSynapse)),
      .tensor(
        hasSynapse ? "tau_mem" : "tau", \.tauMembrane, unit: "s", extent: .elements,
        nir: required(leaks)),
      .tensor("r", \.resistance, extent: .elements),
      .tensor(
        "v_leak", \.leak, extent: .elements,
        nir: .field(isRead: leaks) { neuron, _ in
          (neuron.leak ?? (leaks ? Tensor(scalar: 0) : nil)).map { .tensor($0) }
        }),
      .tensor("v_threshold", \.threshold, extent: .elements, nir: required(spikes)),
      .tensor(
        "v_reset", \.resetValue, extent: .elements,
        nir: filled(spikes, 0, like: "v_threshold", \.resetValue)),
      .tensor(
        "w_in", \.inputWeight, extent: .elements,
        nir: filled(hasSynapse, 1, like: spikes ? "v_threshold" : "tau_mem", \.inputWeight)),
      .tensor(
        "v_initial", \.initial, extent: .elements,
        nir: .none { neuron in
          guard let initial = neuron.initial, initial.floats.contains(where: { $0 != 0 }) else {
            return nil
          }
          return "NIR has no word for v_initial, a membrane that does not start at zero; "
            + "safetensors can hold it"
        }),
      Field(
        "semantics", .semantics, isRequired: false,
        nir: .none {
          $0.semantics == nil ? nil : "NIR has no word for semantics of a single neuron"
        },
        get: { $0.semantics.map { .semantics($0) } },
        set: { if case .semantics(let semantics) = $1 { $0.semantics = semantics } }),
    ]
    return NodeForm(
      kind.rawValue, nir: .native(), fields, blank: Neuron(kind),
      layer: .init(name: kind.layerName) { layer throws(ArcuateError) in
        try Neuron(kind, layer: layer)
      })
  }

  private init(_ kind: Kind, layer: any LayerFields) throws(ArcuateError) {
    let isWide = try layer.flag("per_neuron", or: false)
    if isWide { try layer.spend(layer.input.count * Neuron.parameterNames.count) }
    func tensor(_ value: Float) -> Tensor {
      isWide ? .filled(value, shape: layer.input) : Tensor(scalar: value)
    }
    func number(_ name: String, or fallback: Float?) throws(ArcuateError) -> Tensor {
      tensor(try layer.number(name, or: fallback))
    }
    self.init(kind)
    var gain: Float = 1
    if kind.hasSynapse {
      tauSynapse = try number("tau_syn", or: nil)
      tauMembrane = try number("tau_mem", or: nil)
      inputWeight = try number("w_in", or: 1)
      // As for neurons with a beta: the current is added to the membrane unscaled. With 1, inputs of
      // the size that initial weights give would hardly ever reach the threshold.
      if kind.spikes, let tau = tauMembrane?.floats.first {
        gain = Float(Double(tau) / layer.dt_s)
      }
    } else if kind.leaks, layer.has("beta"), layer.has("tau") {
      throw ArcuateError(.malformed, "has both tau and beta")
    } else if kind.leaks, !layer.has("beta"), !layer.has("tau") {
      throw ArcuateError(.malformed, "needs tau or beta")
    } else if kind.leaks, layer.has("beta") {
      // What a step leaves of the membrane; inputs are added unscaled.
      let beta = try layer.number("beta", or: nil)
      guard beta >= 0, beta < 1 else {
        throw ArcuateError(.malformed, "beta is \(beta), not within 0 ..< 1")
      }
      tauMembrane = tensor(Float(layer.dt_s / (1 - Double(beta))))
      gain = 1 / (1 - beta)
    } else if kind.leaks {
      tauMembrane = try number("tau", or: nil)
    }
    if kind.leaks { leak = try number("leak", or: 0) }
    resistance = try number("r", or: gain)
    if kind.spikes {
      threshold = try number("threshold", or: 1)
      resetValue = try number("reset_value", or: 0)
    }
  }

  package var asOperator: Operator { .neuron(self) }
  package var kindName: String { kind.rawValue }

  package func outputShape(_ inputs: [Shape?]) throws(ArcuateError) -> Shape? {
    let input = try commonShape(inputs)
    var shape = Shape.scalar
    for (name, tensor) in parameters where tensor.count != 1 {
      guard shape.count == 1 || tensor.shape == shape else {
        throw ArcuateError(
          .invalidModel, "\(name) has shape \(tensor.shape), other parameters have \(shape)")
      }
      shape = tensor.shape
    }
    if shape.count == 1, shape.rank == 0, let first = parameters.first {
      shape = first.tensor.shape
    }
    return try elementwiseShape(shape, input)
  }

  package func signal(_ inputs: [Signal]) -> Signal { kind.spikes ? .spike : .value }
  package func refusal(of inputs: [Signal?]) -> String? { nil }

  package func contradictions() -> [String] {
    var found: [String] = []
    for (name, tensor) in parameters {
      found += nonFinite([(name, tensor)])
      if name.hasPrefix("tau"), tensor.floats.contains(where: { $0 <= 0 }) {
        found.append("\(name) must be positive")
      }
    }
    if kind.spikes && threshold == nil { found.append("v_threshold is missing") }
    if kind.leaks && tauMembrane == nil {
      found.append("\(kind.hasSynapse ? "tau_mem" : "tau") is missing")
    }
    if kind.hasSynapse && tauSynapse == nil { found.append("tau_syn is missing") }
    return found
  }

  package var parameterCount: Int { parameters.reduce(0) { $0 + $1.tensor.count } }

  package func needsTimeStep(_ semantics: NeuronSemantics) -> Bool {
    let semantics = self.semantics ?? semantics
    return kind.leaks || semantics.integratorGain == .dtR
      || semantics.rule?.bindings(kind).isEmpty == false
  }

  package func constancy(dt_s: Double?) -> Constancy { .never }

  package func isEarly(_ semantics: NeuronSemantics, dt_s: Double?) -> Bool {
    if let program = ruledProgram(semantics) { return program.isEarly }
    return kind.spikes && (self.semantics ?? semantics).spikeTiming == .nextStep
  }

  package func renamingReferences(_ rename: (String) -> String) -> Self { self }
}

extension Neuron.Kind {
  /// The name in layer lists.
  fileprivate var layerName: String {
    switch self {
    case .i: "integrator"
    case .integrateAndFire: "iaf"
    case .li: "li"
    case .lif: "lif"
    case .cubaLI: "cuba_li"
    case .cubaLIF: "cuba_lif"
    }
  }
}
