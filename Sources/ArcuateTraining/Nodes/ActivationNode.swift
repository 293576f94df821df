import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// An elementwise function, or softmax.
final class ActivationNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  var parameters: [Parameter] { [] }
  private let kind: Activation
  /// In tandem training, the spikes of the neurons whose count replaces the value of this ReLU.
  var counted: Signal?

  static func make(from kind: Activation, at site: NodeSite) throws(ArcuateError) -> ActivationNode
  {
    ActivationNode(site.name, try site.input(), try site.output(), kind: kind)
  }

  private init(_ name: String, _ input: Signal, _ output: Signal, kind: Activation) {
    self.kind = kind
    ports = NodePorts(name, [input], output)
  }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    let width = output.width
    if let counted {
      for t in 0..<counted.steps {
        for b in 0..<output.batch {
          LearningLoops.put(counted.row(t, b), into: output.row(0, b), adds: t > 0)
        }
      }
      return
    }
    try pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let (x, y) = (input.row(beside(r, input)), output.row(r))
        switch kind {
        case .relu: Elementwise.relu(x, into: y, count: width)
        case .sigmoid: Elementwise.sigmoid(x, into: y, count: width)
        case .tanh: Elementwise.tanh(x, into: y, count: width)
        case .softmax: Elementwise.softmax(x, logarithm: false, into: y, count: width)
        case .logSoftmax: Elementwise.softmax(x, logarithm: true, into: y, count: width)
        }
      }
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try output.settle(steps)
    guard input.needsGradient else { return }
    let adds = try input.adds(steps)
    let (from, to) = (try output.gradient.row, try input.gradient.row)
    let width = output.width
    try pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let g = from.part(r * output.stride, width)
        // Whether a ReLU was active follows from its input: a count may disagree.
        let y = (counted == nil ? output.row(r) : input.row(beside(r, input))).part(0, width)
        let d = to.part(beside(r, input) * input.stride, width)
        switch kind {
        case .relu: LearningLoops.reluGradient(g, output: y, into: d, adds: adds)
        case .sigmoid: LearningLoops.sigmoidGradient(g, output: y, into: d, adds: adds)
        case .tanh: LearningLoops.tanhGradient(g, output: y, into: d, adds: adds)
        case .softmax:
          LearningLoops.softmaxGradient(g, output: y, logarithm: false, into: d, adds: adds)
        case .logSoftmax:
          LearningLoops.softmaxGradient(g, output: y, logarithm: true, into: d, adds: adds)
        }
      }
    }
  }

  func trained() -> Operator? { .activation(kind) }

  func begin(_ pass: Pass) {}
  func accumulate(_ pass: Pass) {}
  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
}
