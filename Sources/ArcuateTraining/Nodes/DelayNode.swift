import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// x(t - delay), with a delay in steps for each element.
final class DelayNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  var parameters: [Parameter] { [] }
  private let delays: [Int]
  private let tensor: Tensor

  static func make(from seconds: Tensor, at site: NodeSite) throws(ArcuateError) -> DelayNode {
    let input = try site.input()
    let delays = try seconds.broadcast(to: site.shape).map { seconds throws(ArcuateError) in
      try Delay.steps(seconds, dt_s: site.dt_s)
    }
    return DelayNode(site.name, input, try site.output(), delays: delays, tensor: seconds)
  }

  private init(_ name: String, _ input: Signal, _ output: Signal, delays: [Int], tensor: Tensor) {
    self.delays = delays
    self.tensor = tensor
    ports = NodePorts(name, [input], output)
  }

  func forward(_ steps: Range<Int>, _ pass: Pass) {
    for t in steps {
      for b in 0..<output.batch {
        let row = output.row(t, b)
        for i in 0..<output.width {
          row[i] = t >= delays[i] ? input.row(t - delays[i], b)[i] : 0
        }
      }
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    guard input.needsGradient else { return }
    for t in steps.reversed() {
      try output.settle(t..<t + 1)
      for b in 0..<output.batch {
        let gradient = try output.gradientRow(t * output.batch + b)
        for i in 0..<output.width where t >= delays[i] {
          // Gradients of one step come from several steps: none may be overwritten.
          try input.settle(t - delays[i]..<t - delays[i] + 1)
          let to = try input.gradientRow(input.index(t - delays[i]) * output.batch + b)
          to[i] += gradient[i]
        }
      }
    }
  }

  func trained() -> Operator? { .delay(tensor) }

  func begin(_ pass: Pass) {}
  func accumulate(_ pass: Pass) {}
  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
}
