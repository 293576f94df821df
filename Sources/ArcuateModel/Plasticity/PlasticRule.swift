import ArcuateCore

/// How the weights of an edge change while the network runs.
///
///     dW[i, j] = sum over terms of  rate * m[i] * post[i] * pre[j]      - decay
///
/// then kept within bounds. STDP, Oja and Hebb, fast weights, neuromodulated Hebb, local errors and
/// direct feedback are special cases; docs/plasticity-rules.md has each of them.
public struct PlasticRule: Sendable, Equatable {
  /// One side's part of a term.
  public enum Factor: Sendable, Hashable {
    case one
    /// The output of the side: 1 for a spike.
    case value
    /// The same a step earlier.
    case previous
    /// A trace of its output, including this step or before it.
    case trace(Trace, before: Bool)
    /// Pre side of a rule that is applied to frames: the gain of a trace since the last reset of
    /// the post neuron, after the steps that its state `silence` counts.
    case sinceReset(Trace)
    /// Pre side: the output of another node with as many elements.
    case node(String)
    /// Post side: a state of the neurons' program, after the step.
    case state(String)
    /// Post side: the surrogate's derivative at the state `margin` of the neurons' program.
    case surrogate(Surrogate)
  }

  /// When a term acts.
  public enum Event: String, Sendable, CaseIterable {
    /// Where the input is not zero.
    case pre
    /// Where the post node emits something.
    case post
    /// At every step.
    case step
  }

  public struct Term: Sendable, Equatable {
    public var event: Event
    public var pre: Factor
    public var post: Factor
    public var rate: Float
    public init(_ event: Event, pre: Factor, post: Factor, rate: Float) {
      self.event = event
      self.pre = pre
      self.post = post
      self.rate = rate
    }
  }

  /// A third factor, one number for each post element.
  public struct Modulator: Sendable, Equatable {
    public enum Source: Sendable, Hashable {
      /// A value that the host sets by name: a reward, a label, a concentration.
      case signal(String)
      /// A teacher's signal minus the output of a node.
      case error(node: String, teacher: String)
      /// The output of a node.
      case node(String)
    }
    /// How the source's numbers become one for each post element.
    public enum Map: Sendable, Equatable {
      /// One number for all.
      case all
      /// One number for each.
      case each
      /// For each post element the index of its number.
      case compartments([Int])
      /// m = B source, [post, width].
      case matrix(Tensor)
      /// The same with a random matrix, uniform within -amplitude ..< amplitude.
      case random(seed: UInt64, amplitude: Float)
      /// B is the transpose of the weights of a linear node, as they are now.
      case transpose(of: String)
    }
    public var source: Source
    public var map: Map
    public var scale: Float = 1
    /// Errors up to this magnitude count as none.
    public var deadZone: Float = 0
    /// Errors beyond this magnitude count as this.
    public var limit: Float = .infinity
    public init(_ source: Source, _ map: Map) {
      self.source = source
      self.map = map
    }
  }

  public enum Decay: Sendable, Equatable {
    case none
    /// W -= rate W at every step.
    case weight(Float)
    /// W[i, j] -= rate post[i]^2 W[i, j] at every step.
    case oja(Float)
  }

  /// Steps of a size of their own for each weight.
  public enum Scaling: Sendable, Equatable {
    case none
    /// s = max(decay s, |dW|); W += rate dW / s. Source: Adamax (Kingma and Ba 2015), beta1 = 0.
    case maximum(decay: Float, rate: Float)
    /// s = decay s + (1 - decay) dW^2; W += rate dW / (sqrt s + 1e-8).
    case square(decay: Float, rate: Float)
  }

  public enum Application: String, Sendable, CaseIterable {
    /// At every step.
    case step
    /// Terms add up without the modulator, which acts on the sum when a frame ends or the host says
    /// so.
    case frame
  }

  /// The node whose output is the post side.
  public var post: String
  public var terms: [Term]
  public var modulator: Modulator?
  public var decay = Decay.none
  public var low = -Float.infinity
  public var high = Float.infinity
  /// The sum to which the weights into each post element are scaled before each frame.
  public var columnSum: Float?
  public var scaling = Scaling.none
  public var application = Application.step
  /// Number of steps of a stream before the rule takes effect.
  public var firstStep = 0
  /// Whether the bias also changes, as the weight of an input that is always 1.
  public var learnsBias = false

  public init(post: String, _ terms: [Term]) {
    self.post = post
    self.terms = terms
  }
}

extension PlasticRule {
  /// Traces of one side, each once.
  public func traces(pre: Bool) -> [Trace] {
    var found: [Trace] = []
    for term in terms {
      switch pre ? term.pre : term.post {
      case .trace(let trace, _), .sinceReset(let trace):
        if !found.contains(trace) { found.append(trace) }
      default: break
      }
    }
    return found
  }

  /// The state of the post neurons that a surrogate reads: the membrane less the threshold.
  package static let marginState = "margin"
  /// The state with the steps until a reset ends, which `sinceReset` reads where there is one.
  package static let silenceState = "silence"

  /// The states of the post neurons that terms read, each with the name of the factor.
  var postStates: [(state: String, factor: String)] {
    terms.compactMap { term in
      switch term.post {
      case .state(let name): (name, "state")
      case .surrogate: (Self.marginState, "surrogate")
      default: nil
      }
    }
  }

  /// Whether any factor is a trace.
  var hasTraces: Bool { !traces(pre: true).isEmpty || !traces(pre: false).isEmpty }

  /// The same rule with the names of the nodes it reads changed.
  func renamingReferences(_ rename: (String) -> String) -> PlasticRule {
    var rule = self
    rule.post = rename(rule.post)
    for i in rule.terms.indices {
      if case .node(let name) = rule.terms[i].pre { rule.terms[i].pre = .node(rename(name)) }
    }
    guard var modulator = rule.modulator else { return rule }
    switch modulator.source {
    case .signal: break
    case .error(let node, let teacher):
      modulator.source = .error(node: rename(node), teacher: teacher)
    case .node(let node): modulator.source = .node(rename(node))
    }
    if case .transpose(let node) = modulator.map { modulator.map = .transpose(of: rename(node)) }
    rule.modulator = modulator
    return rule
  }

  func contradictions() -> [String] {
    var found: [String] = []
    if terms.isEmpty { found.append("the rule has no terms") }
    if terms.count > 16 { found.append("the rule has \(terms.count) terms, above 16") }
    for trace in traces(pre: true) + traces(pre: false) { found += trace.contradictions() }
    for term in terms {
      if !term.rate.isFinite { found.append("a rate is not finite") }
      if case .surrogate = term.pre { found.append("a surrogate belongs to the post side") }
      if case .state = term.pre { found.append("a state belongs to the post side") }
      if case .node = term.post { found.append("node belongs to the pre side") }
      if case .sinceReset = term.post { found.append("since_reset belongs to the pre side") }
      if case .sinceReset = term.pre, application != .frame || term.event != .post {
        found.append("since_reset is for terms on post spikes of a rule that is applied to frames")
      }
    }
    if let modulator {
      if !modulator.scale.isFinite { found.append("the modulator's scale is not finite") }
      if !(modulator.deadZone >= 0) || !(modulator.limit > 0) {
        found.append("the modulator's dead zone must not be negative and its limit be positive")
      }
      if case .random(_, let amplitude) = modulator.map, !amplitude.isFinite {
        found.append("the modulator's amplitude is not finite")
      }
      if case .matrix(let tensor) = modulator.map, !tensor.isFinite || tensor.shape.rank != 2 {
        found.append("the modulator's matrix is not [post, width] of finite numbers")
      }
    }
    if !(low <= high) { found.append("the bounds \(low) ... \(high) hold nothing") }
    if let columnSum, !(columnSum > 0 && columnSum.isFinite) {
      found.append("the weights cannot add up to \(columnSum)")
    }
    switch decay {
    case .none: break
    case .weight(let rate), .oja(let rate):
      if !rate.isFinite { found.append("the decay is not finite") }
      if application == .frame { found.append("a rule that is applied to frames has no decay") }
    }
    switch scaling {
    case .none: break
    case .maximum(let decay, let rate), .square(let decay, let rate):
      if !(decay >= 0 && decay < 1 && rate.isFinite) {
        found.append("the scaling needs a decay within 0 ..< 1 and a finite rate")
      }
    }
    if firstStep < 0 { found.append("first_step is negative") }
    return found
  }
}
