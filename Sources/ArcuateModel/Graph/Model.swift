import ArcuateCore

/// A network as a value: it states what is computed and cannot run.
///
/// Nodes keep the order in which they were added; edges state which node feeds which; several inputs to
/// a node are summed (unless the node says otherwise, as a concatenation does, which takes them in
/// the order of the edges), and an edge that closes a cycle carries the value of the step before.
public struct Model: Sendable, Equatable {
  public struct Node: Sendable, Equatable {
    public var name: String
    public var op: Operator
    /// Notes kept for a round trip through a file.
    public var metadata: [String: Metadata]
    public init(_ name: String, _ op: Operator, metadata: [String: Metadata] = [:]) {
      self.name = name
      self.op = op
      self.metadata = metadata
    }
  }

  public struct Edge: Sendable, Hashable {
    public var source: String
    public var target: String
    public init(_ source: String, _ target: String) {
      self.source = source
      self.target = target
    }
  }

  public var nodes: [Node]
  public var edges: [Edge]
  /// Applied to every neuron that states none of its own.
  public var semantics: NeuronSemantics
  /// The step length in seconds the model was made for, if known.
  public var dt_s: Double?
  public var metadata: [String: Metadata]

  public init(
    nodes: [Node] = [], edges: [Edge] = [], semantics: NeuronSemantics = .init(),
    dt_s: Double? = nil, metadata: [String: Metadata] = [:]
  ) {
    self.nodes = nodes
    self.edges = edges
    self.semantics = semantics
    self.dt_s = dt_s
    self.metadata = metadata
  }

  /// The node of that name. Cost: linear in the number of nodes.
  public subscript(name: String) -> Node? { nodes.first { $0.name == name } }

  /// Nodes chained in order: each feeds the next.
  public static func chain(_ nodes: [(String, Operator)]) -> Model {
    var model = Model(nodes: nodes.map { Node($0.0, $0.1) })
    model.edges = zip(nodes, nodes.dropFirst()).map { Edge($0.0.0, $0.1.0) }
    return model
  }
}

/// A note on a model or a node that the runtime keeps but does not interpret.
public indirect enum Metadata: Sendable, Equatable {
  case string(String)
  case number(Double)
  case bool(Bool)
  case array(Tensor)
  case group([String: Metadata])
}

extension Model {
  /// `wanted`, or with a number behind it, such that no node has the name.
  package func freeName(_ wanted: String) -> String {
    var (name, count) = (wanted, 1)
    while self[name] != nil {
      count += 1
      name = "\(wanted)#\(count)"
    }
    return name
  }
}
