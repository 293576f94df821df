import ArcuateCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The update rule of a library for spiking networks, exactly as the library computes it: for each
/// kind of NIR's neurons that the library writes, one of the programs of `ProgramLibrary`.
///
/// As text: "snntorch", "snntorch:reset=subtract,delay=1".
public struct LibraryRule: Sendable, Hashable {
  public enum Library: String, Sendable, CaseIterable {
    case snntorch, norse, spikingjelly, sinabs, rockpool, spyx
  }

  /// What a library lets its user choose, and its files do not say.
  public struct Option: Sendable, Hashable {
    public let name: String
    /// The allowed values; the first is the default.
    public let values: [String]
  }

  public let library: Library
  /// A value for each of `library.options`.
  public private(set) var choices: [String: String]
  /// The options that were given.
  private var stated: Set<String> = []

  public init(_ library: Library) {
    self.library = library
    choices = Dictionary(
      uniqueKeysWithValues: library.options.map { ($0.name, $0.values[0]) })
  }

  /// A rule by the name of the library and options such as "reset=zero,delay=0".
  /// Throws. `invalidArgument` saying what there is to choose from.
  init(_ library: Library, options text: Substring) throws(ArcuateError) {
    self.init(library)
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let option = library.options.first(where: { $0.name == pair[0] }) else {
        throw ArcuateError(
          .invalidArgument,
          "\(library.rawValue) has no option \"\(pair[0].prefix(80))\": choose "
            + (library.options.map(\.name) + ["import"]).joined(separator: ", "))
      }
      // A flag by its name alone is set.
      let value = pair.count == 2 ? String(pair[1]) : "1"
      try choose(option, value)
    }
  }

  /// Throws. `invalidArgument` for a value that the option cannot have.
  private mutating func choose(_ option: Option, _ value: String) throws(ArcuateError) {
    guard option.values.contains(value) else {
      throw ArcuateError(
        .invalidArgument,
        "\(option.name) of \(library.rawValue) is one of \(option.values.joined(separator: ", "))")
    }
    choices[option.name] = value
    stated.insert(option.name)
  }

  /// Sets the option that a field of `NeuronSemantics`, or an option of that name, is; false if there
  /// is none.
  /// Throws. `invalidArgument` for a value that it cannot have.
  mutating func set(_ field: String, to value: String) throws(ArcuateError) -> Bool {
    var (field, value) = (field, value)
    if library == .snntorch, field == "reset_timing" {
      let _: NeuronSemantics.ResetTiming = try named(value, field)
      (field, value) = ("delay", value == "next_step" ? "1" : "0")
    } else if library == .snntorch, (field, value) == ("reset", "to_value") {
      value = "zero"
    } else if library == .norse, (field, value) == ("reset", "to_value") {
      value = "value"
    }
    guard let option = library.options.first(where: { $0.name == field }) else { return false }
    try choose(option, value)
    return true
  }

  /// The options that were left at their defaults, as the message of a finding; nil if all were given.
  var assumption: String? {
    let open = library.options.filter { !stated.contains($0.name) }
    guard !open.isEmpty else { return nil }
    let taken = open.map { "\($0.name)=\($0.values[0])" }.joined(separator: ",")
    let others = open.map { "\($0.name) may be \($0.values.joined(separator: ", "))" }
    return
      "files of \(library.rawValue) do not say which \(open.map(\.name).joined(separator: " and which "))"
      + " the network had: taken as the preset \(library.rawValue):\(taken) (\(others.joined(separator: "; ")))"
  }

  /// Settings of the library that neither files nor options state, as the message of a finding; nil if
  /// there are none.
  var fixed: String? {
    let taken: String
    switch library {
    case .snntorch: taken = "graded_spikes_factor is 1, inhibition is off"
    case .norse: taken = "v_reset is that of the file, where the exporter writes 0"
    case .sinabs:
      taken =
        "tau_syn is None, spike_fn is MultiSpike, reset_fn is MembraneSubtract, min_v_mem is None, "
        + "and ExpLeak has norm_input=False"
    case .rockpool:
      taken =
        "bias is 0, has_rec is False, max_spikes_per_dt is 65536, leak_mode is taus, noise_std is 0"
    case .spikingjelly, .spyx: return nil
    }
    return
      "files of \(library.rawValue) do not say more of the neurons: taken as in a network where "
      + "\(taken); arcuate.from_torch reads these from the live layers"
  }

  /// Whether recurrent layers have a rule of their own in the library, which is not computed here.
  var isOtherIfRecurrent: Bool {
    library == .snntorch && choices["reset"] == "zero" && choices["delay"] == "1"
  }

  /// The name of the library, and the options that were given.
  public var text: String {
    let changed = library.options.filter { stated.contains($0.name) }
    return library.rawValue + (changed.isEmpty ? "" : ":")
      + changed.map { "\($0.name)=\(choices[$0.name] ?? "")" }.joined(separator: ",")
  }
}

extension LibraryRule.Library {
  public var options: [LibraryRule.Option] {
    switch self {
    case .snntorch:
      [
        // As snnTorch's own import sets them. Its layers subtract with a delay by default.
        .init(name: "reset", values: ["zero", "subtract", "none"]),
        .init(name: "delay", values: ["0", "1"]),
      ]
    case .norse: [.init(name: "reset", values: ["value", "subtract"])]
    case .sinabs: [.init(name: "norm_input", values: ["1", "0"])]
    case .spikingjelly, .rockpool, .spyx: []
    }
  }
}

extension LibraryRule {
  /// A program and its parameters, in terms of the fields of a neuron of NIR.
  struct Binding: Sendable {
    /// One of `ProgramLibrary.names`.
    let program: String
    let parameters: [String: @Sendable (Fields) -> Double]
    /// What the library writes as r and w_in, where its rule does not use them.
    var resistance: @Sendable (Fields) -> Double = { _ in 1 }
    var inputWeight: @Sendable (Fields) -> Double = { _ in 1 }
  }

  /// The fields of one neuron, and the length of a step in seconds.
  struct Fields {
    var dt, tau, tauSynapse, resistance, leak, threshold, reset, inputWeight: Double
    /// What a step of Euler leaves of the membrane and of the current.
    var beta: Double { 1 - dt / tau }
    var alpha: Double { 1 - dt / tauSynapse }
  }

  /// How the library computes neurons of this kind; empty if it writes no such neurons. The first one
  /// whose `resistance` and `inputWeight` are those of the file is taken.
  func bindings(_ kind: Neuron.Kind) -> [Binding] {
    switch library {
    case .snntorch: snntorch(kind)
    case .norse: norse(kind)
    case .spikingjelly: spikingJelly(kind)
    case .sinabs: sinabs(kind)
    case .rockpool: rockpool(kind)
    case .spyx: spyx(kind)
    }
  }

  private func snntorch(_ kind: Neuron.Kind) -> [Binding] {
    let reset = choices["reset"] ?? ""
    let suffix = reset + (choices["delay"] == "0" && reset != "none" ? "-no-delay" : "")
    switch kind {
    case .integrateAndFire:
      return [
        Binding(
          program: "snntorch-leaky-\(suffix)",
          parameters: ["beta": { _ in 1 }, "threshold": \.threshold])
      ]
    case .lif:
      return [
        Binding(
          program: "snntorch-leaky-\(suffix)",
          parameters: ["beta": \.beta, "threshold": \.threshold],
          resistance: { $0.tau / $0.dt })
      ]
    case .cubaLIF:
      return [
        Binding(
          program: "snntorch-synaptic-\(suffix)",
          parameters: ["alpha": \.alpha, "beta": \.beta, "threshold": \.threshold],
          resistance: { $0.tau / $0.dt }, inputWeight: { $0.tauSynapse / $0.dt })
      ]
    case .i, .li, .cubaLI: return []
    }
  }

  private func norse(_ kind: Neuron.Kind) -> [Binding] {
    switch kind {
    case .lif:
      let isSubtracted = choices["reset"] == "subtract"
      var parameters: [String: @Sendable (Fields) -> Double] = [
        "tau_mem_inv": { 1 / $0.tau }, "v_leak": \.leak, "v_th": \.threshold,
      ]
      if !isSubtracted { parameters["v_reset"] = \.reset }
      return [
        Binding(
          program: isSubtracted ? "norse-lifbox-subtract" : "norse-lifbox", parameters: parameters)
      ]
    case .cubaLIF:
      return [
        Binding(
          program: "norse-lif",
          parameters: [
            "tau_mem_inv": { 1 / $0.tau }, "tau_syn_inv": { 1 / $0.tauSynapse },
            "v_leak": \.leak, "v_th": \.threshold, "v_reset": \.reset,
          ])
      ]
    case .integrateAndFire, .i, .li, .cubaLI: return []
    }
  }

  private func spikingJelly(_ kind: Neuron.Kind) -> [Binding] {
    let levels: [String: @Sendable (Fields) -> Double] = [
      "v_threshold": \.threshold, "v_reset": \.reset,
    ]
    func with(_ more: [String: @Sendable (Fields) -> Double])
      -> [String: @Sendable (Fields) -> Double]
    { levels.merging(more) { $1 } }
    switch kind {
    case .integrateAndFire:
      return [
        Binding(
          program: "spikingjelly-if-hard", parameters: levels, resistance: { 1 / $0.dt })
      ]
    case .lif:
      // decay_input: the file says it by its r.
      return [
        Binding(
          program: "spikingjelly-lif-hard", parameters: with(["tau": { $0.tau / $0.dt }])),
        Binding(
          program: "spikingjelly-lif-hard-undecayed", parameters: with(["tau": { $0.tau / $0.dt }]),
          resistance: { $0.tau / $0.dt }),
      ]
    case .cubaLIF:
      return [
        Binding(
          program: "spikingjelly-cubalif-hard",
          parameters: with(["c_decay": \.alpha, "v_decay": \.beta]),
          resistance: { $0.tau / $0.dt }, inputWeight: { $0.tauSynapse / $0.dt })
      ]
    case .i, .li, .cubaLI: return []
    }
  }

  private func sinabs(_ kind: Neuron.Kind) -> [Binding] {
    let isNormed = choices["norm_input"] != "0"
    switch kind {
    case .integrateAndFire:
      return [
        Binding(program: "sinabs-iaf", parameters: ["spike_threshold": \.threshold])
      ]
    case .lif:
      return [
        Binding(
          program: isNormed ? "sinabs-lif" : "sinabs-lif-unnormalized",
          parameters: ["alpha_mem": { exp(-$0.dt / $0.tau) }, "spike_threshold": \.threshold])
      ]
    case .li:
      return [
        Binding(
          program: "sinabs-expleak", parameters: ["alpha_mem": { exp(-$0.dt / $0.tau) }])
      ]
    case .cubaLIF, .i, .cubaLI: return []
    }
  }

  private func rockpool(_ kind: Neuron.Kind) -> [Binding] {
    let resistance: @Sendable (Fields) -> Double = {
      $0.tau * exp(-$0.dt / $0.tau) / $0.dt
    }
    switch kind {
    case .lif:
      return [
        Binding(
          program: "rockpool-lifneuron",
          parameters: ["alpha": { exp(-$0.dt / $0.tau) }, "threshold": \.threshold],
          resistance: resistance)
      ]
    case .cubaLIF:
      return [
        Binding(
          program: "rockpool-lif",
          parameters: [
            "alpha": { exp(-$0.dt / $0.tau) },
            "beta": { exp(-$0.dt / $0.tauSynapse) }, "threshold": \.threshold,
          ], resistance: resistance)
      ]
    case .integrateAndFire, .i, .li, .cubaLI: return []
    }
  }

  private func spyx(_ kind: Neuron.Kind) -> [Binding] {
    switch kind {
    case .integrateAndFire:
      return [Binding(program: "spyx-if", parameters: ["threshold": \.threshold])]
    case .lif:
      return [
        Binding(
          program: "spyx-lif", parameters: ["beta": \.beta, "threshold": \.threshold],
          resistance: \.beta)
      ]
    case .cubaLIF:
      return [
        Binding(
          program: "spyx-cubalif",
          parameters: ["alpha": \.alpha, "beta": \.beta, "threshold": \.threshold],
          resistance: \.beta)
      ]
    case .i, .li, .cubaLI: return []
    }
  }
}
