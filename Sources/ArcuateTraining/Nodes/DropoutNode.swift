import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Drops elements in training and scales up the others; one mask for all steps of a sample.
final class DropoutNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  var parameters: [Parameter] { [] }
  private let share: Float
  private let stream: UInt32
  private let mask: View<Float>
  private var isActive = false

  init(_ name: String, _ input: Signal, _ output: Signal, share: Float, stream: UInt32)
    throws(ArcuateError)
  {
    self.share = share
    self.stream = stream
    mask = try Signal.storage(output.batch, output.stride)
    ports = NodePorts(name, [input], output)
  }

  func begin(_ pass: Pass) throws(ArcuateError) {
    isActive = pass.isTraining
    guard isActive else { return }
    let kept = 1 / (1 - share)
    try pass.pool.split(0..<output.batch) { part, _ in
      for b in part {
        Elementwise.drop(
          share, kept: kept, random: pass.random, stream: stream, step: pass.iteration,
          first: UInt32(truncatingIfNeeded: b * output.width), into: mask(b))
      }
    }
  }

  private func mask(_ r: Int) -> Row<Float> {
    mask.row.part(r % output.batch * output.stride, output.width)
  }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try pass.pool.split(rows(steps)) { part, _ in
      for r in part {
        let (x, y) = (input.row(beside(r, input)), output.row(r).part(0, output.width))
        if isActive {
          LearningLoops.multiply(x, by: mask(r), into: y, adds: false)
        } else {
          y.copy(from: x.part(0, output.width))
        }
      }
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try output.settle(steps)
    guard input.needsGradient else { return }
    try sendBack(steps, to: input) { from, into, adds, _, b in
      let (g, d) = (from.part(0, output.width), into.part(0, output.width))
      if isActive {
        LearningLoops.multiply(g, by: mask(b), into: d, adds: adds)
      } else {
        LearningLoops.put(g, into: d, adds: adds)
      }
    }
  }

  func accumulate(_ pass: Pass) {}
  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
  func trained() -> Operator? { nil }
}
