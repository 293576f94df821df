import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Its input, under another shape.
final class PassNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  var parameters: [Parameter] { [] }
  private let op: Operator

  static func make(at site: NodeSite) throws(ArcuateError) -> PassNode {
    let input = try site.input()
    let output = try site.output(isSparse: input.isSparse)
    output.isGiven = input.isGiven
    return PassNode(site.name, input, output, site.op)
  }

  private init(_ name: String, _ input: Signal, _ output: Signal, _ op: Operator) {
    self.op = op
    ports = NodePorts(name, [input], output)
  }

  func forward(_ steps: Range<Int>, _ pass: Pass) {
    for r in rows(steps) {
      output.row(r).part(0, output.width).copy(
        from: input.row(beside(r, input)).part(0, output.width))
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try output.settle(steps)
    guard input.needsGradient else { return }
    try sendBack(steps, to: input) { from, into, adds, _, _ in
      LearningLoops.put(from.part(0, output.width), into: into.part(0, output.width), adds: adds)
    }
  }

  func trained() -> Operator? { op }

  func begin(_ pass: Pass) {}
  func accumulate(_ pass: Pass) {}
  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
}
