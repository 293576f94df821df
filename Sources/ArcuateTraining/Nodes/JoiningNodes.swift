import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// The sum of several signals, each of this step or of the previous one.
///
/// One of them may share the memory of the sum.
final class SumNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { true }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  var parameters: [Parameter] { [] }
  private let delays: [Int]
  private let within: Int?

  init(
    _ name: String, _ inputs: [Signal], delays: [Int], _ output: Signal, within: Int? = nil
  ) {
    self.delays = delays
    self.within = within
    ports = NodePorts(name, inputs, output)
  }

  func forward(_ steps: Range<Int>, _ pass: Pass) {
    let size = output.batch * output.stride
    for t in steps {
      let into = output.values.row.part(output.index(t) * size, size)
      var isFirst = within == nil
      for (k, signal) in inputs.enumerated() where k != within && t - delays[k] >= 0 {
        let from = signal.values.row.part(signal.index(t - delays[k]) * size, size)
        LearningLoops.put(from, into: into, adds: !isFirst)
        isFirst = false
      }
      if isFirst { into.fill(0) }
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    let size = output.batch * output.stride
    for t in steps.reversed() {
      try output.settle(t..<t + 1)
      for (signal, delay) in zip(inputs, delays)
      where signal.needsGradient && t - delay >= 0 && signal.sum !== output {
        let adds = signal.adds(t - delay)
        LearningLoops.put(
          try output.gradient.row.part(output.index(t) * size, size),
          into: try signal.gradient.row.part(signal.index(t - delay) * size, size), adds: adds)
      }
    }
  }

  func begin(_ pass: Pass) {}
  func accumulate(_ pass: Pass) {}
  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
  func trained() -> Operator? { nil }
}

/// The concatenation of the inputs along the first axis.
final class ConcatenationNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  var parameters: [Parameter] { [] }

  static func make(at site: NodeSite) throws(ArcuateError) -> ConcatenationNode {
    ConcatenationNode(NodePorts(site.name, try site.inputs(), try site.output()))
  }

  private init(_ ports: NodePorts) { self.ports = ports }

  func trained() -> Operator? { .concatenation }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let row = output.row(r)
        var at = 0
        for signal in inputs {
          row.part(at, signal.width).copy(from: signal.row(beside(r, signal)).part(0, signal.width))
          at += signal.width
        }
      }
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try output.settle(steps)
    var at = 0
    for signal in inputs {
      defer { at += signal.width }
      guard signal.needsGradient else { continue }
      try sendBack(steps, to: signal) { from, into, adds, _, _ in
        LearningLoops.put(
          from.part(at, signal.width), into: into.part(0, signal.width), adds: adds)
      }
    }
  }

  func begin(_ pass: Pass) {}
  func accumulate(_ pass: Pass) {}
  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
}

/// The elementwise product of the inputs.
final class ProductNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  var parameters: [Parameter] { [] }

  static func make(at site: NodeSite) throws(ArcuateError) -> ProductNode {
    ProductNode(NodePorts(site.name, try site.inputs(), try site.output()))
  }

  private init(_ ports: NodePorts) { self.ports = ports }

  func forward(_ steps: Range<Int>, _ pass: Pass) {
    for r in rows(steps) {
      let row = output.row(r)
      for i in 0..<output.width {
        row[i] = inputs.reduce(1) { $0 * $1.row(beside(r, $1))[i] }
      }
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try output.settle(steps)
    for (k, signal) in inputs.enumerated() where signal.needsGradient {
      try sendBack(steps, to: signal) { g, d, adds, t, b in
        for i in 0..<output.width {
          var value = g[i]
          for (j, other) in inputs.enumerated() where j != k { value *= other.row(t, b)[i] }
          d[i] = adds ? d[i] + value : value
        }
      }
    }
  }

  func trained() -> Operator? { .multiplication }

  func begin(_ pass: Pass) {}
  func accumulate(_ pass: Pass) {}
  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
}
