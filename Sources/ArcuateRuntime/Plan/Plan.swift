import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// A network ready to run: immutable, and shared by any number of sessions and threads.
public final class Plan: Sendable {
  /// A port of the network.
  public struct Port: Sendable {
    public let name: String
    /// Without batch and time; row-major and channel-first.
    public let shape: Shape
    public let signal: Signal
    /// Its slot.
    let node: Int
  }

  /// The model, and what its check found.
  struct Source: Sendable {
    var model: Model
    var findings: [Finding]
    var options: CompileOptions
    var dt_s: Double?
  }
  /// What runs, in order.
  struct Work: Sendable {
    var steps: [NodeStep]
    var groups: [NodeGroup]
    /// What changes weights; nil where nothing does.
    var plasticity: PlasticityPlan?
    /// The rows that go through all nodes before the next rows do.
    var tiling: Tiling
    /// The nodes of each thread, where threads share them.
    var stages: Stages
  }
  /// Where the rows of all signals are.
  struct Memory: Sendable {
    var slots: [Slot]
    var size: ArenaSize
    /// What the back edges out of a slot carry before the first step, where that is not zero.
    var feedbackRest: [Int: [Float]]
    /// Offsets in the state of the sums of outputs over a frame.
    var outputSums: [Int]
  }

  public let options: CompileOptions
  /// Seconds per step; nil when nothing depends on it and none was given.
  public let dt_s: Double?
  public let inputs: [Port]
  public let outputs: [Port]
  /// Node names in the order in which they run.
  public var nodeNames: [String] { steps.map(\.name) }
  public var nodeKinds: [String] { steps.map(\.kind) }
  /// Their shapes, in the same order.
  public var nodeShapes: [Shape] { steps.map(\.shape) }
  /// What the check of the model found.
  public let findings: [Finding]

  let model: Model
  let steps: [NodeStep]
  let groups: [NodeGroup]
  let plasticity: PlasticityPlan?
  let tiling: Tiling
  let stages: Stages
  let slots: [Slot]
  let size: ArenaSize
  let feedbackRest: [Int: [Float]]
  let outputSums: [Int]
  /// Differs between plans whose sessions cannot take each other's state.
  let fingerprint: UInt64

  /// Steps that run before the next block.
  var block: Int { size.block }

  init(source: Source, inputs: [Port], outputs: [Port], work: Work, memory: Memory) {
    options = source.options
    dt_s = source.dt_s
    findings = source.findings
    model = source.model
    self.inputs = inputs
    self.outputs = outputs
    steps = work.steps
    groups = work.groups
    plasticity = work.plasticity
    tiling = work.tiling
    stages = work.stages
    slots = memory.slots
    size = memory.size
    feedbackRest = memory.feedbackRest
    outputSums = memory.outputSums
    var sum = FNV()
    func mix(_ text: String) {
      for byte in text.utf8 { sum.add(UInt64(byte)) }
    }
    for step in work.steps {
      // Snapshots of cells were made when these had a kind of their own.
      let isCell = step.adaptiveNode is ProgramNode
      mix("\(step.name) \(isCell ? "Cell" : step.kind) \(step.inputCount) \(step.outputCount);")
    }
    mix("\(source.options.batch) \(memory.size.state)")
    fingerprint = sum.hash
  }

  /// Bytes of packed weights and parameters.
  public var parameterByteCount: Int { steps.reduce(0) { $0 + $1.node.byteCount } }
  /// Bytes of what a session remembers from step to step.
  public var stateByteCount: Int { size.stateByteCount }
  /// Bytes a session uses in all.
  public var arenaByteCount: Int { size.byteCount }

  /// Indices in `nodeNames` of the nodes that spike.
  package var spikingNodes: [Int] { steps.indices.filter { steps[$0].emission.isSpikes } }

  /// Whether anything in it changes while a session adapts.
  public var canAdapt: Bool { plasticity?.changesEverySteps ?? false }

  /// The names of the signals that rules ask for, with how many numbers each has for a stream.
  public var signals: [(name: String, width: Int)] {
    plasticity?.signals.map { ($0.name, $0.width) } ?? []
  }
}
