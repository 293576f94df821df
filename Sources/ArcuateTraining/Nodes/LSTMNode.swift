import ArcuateCore
import ArcuateKernels
import ArcuateModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Long short-term memory, forward over time and back through it.
///
/// The gates of all steps are recorded in rows [i, f, g, o], and the memory beside them; the backward
/// pass replaces the gates by the gradients of their sums, from which `accumulate` computes the
/// gradients of the weights.
final class LSTMNode: NodeTraining {
  var ports: NodePorts { layer.ports }
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  var parameters: [Parameter] { layer.parameters }

  private let layer: GatedTraining
  /// [steps][batch], rows of four gates.
  private let recorded: View<Float>
  /// [steps][batch]: the memory after each step.
  private let memory: View<Float>
  /// The gradients of the output and of the memory of the step before.
  private let carry, memoryCarry: View<Float>
  private let detachesTime: Bool

  init(_ lstm: LSTM, at site: NodeSite) throws(ArcuateError) {
    layer = try GatedTraining(lstm, at: site)
    let ports = layer.ports
    recorded = try layer.storage()
    memory = try Signal.storage(ports.output.rows, ports.output.stride)
    carry = try Signal.storage(ports.output.batch, ports.output.stride)
    memoryCarry = try Signal.storage(ports.output.batch, ports.output.stride)
    detachesTime = site.options.detachesTime
  }

  private var units: Int { output.width }
  private var batch: Int { output.batch }

  func begin(_ pass: Pass) {
    carry.row.fill(0)
    memoryCarry.row.fill(0)
  }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    for t in steps {
      try pass.pool.split(0..<batch, grain: 6) { samples, worker in
        let rows = layer.shifted(samples, by: t * batch)
        for r in rows {
          layer.gates(recorded, r).copy(from: layer.bias(layer.inputBias))
          LearningLoops.add(
            layer.bias(layer.hiddenBias), to: layer.gates(recorded, r))
        }
        pass.products[worker].multiply(
          layer.inputs(t, samples),
          layer.matrix(layer.inputWeight), into: layer.gates(recorded, rows), adds: true)
        pass.products[worker].multiply(
          layer.before(t, samples), layer.matrix(layer.hiddenWeight),
          into: layer.gates(recorded, rows), adds: true)
        for b in samples { step(t, b) }
      }
    }
  }

  /// The memory after the step before `t`, of sample `b`.
  private func oldMemory(_ t: Int, _ b: Int) -> Row<Float> {
    t > 0
      ? memory.row.part(((t - 1) * batch + b) * output.stride, units)
      : layer.zeros.row.part(0, units)
  }

  /// Computes the gates of one step from their sums, which they replace, the memory and the output.
  private func step(_ t: Int, _ b: Int) {
    let r = t * batch + b
    let (x, y) = (layer.gates(recorded, r), output.row(r).part(0, units))
    let (old, new) = (oldMemory(t, b), memory.row.part(r * output.stride, units))
    for (first, count) in [(0, 2), (3, 1)] {
      let part = x.part(first * units, count * units)
      Elementwise.sigmoid(part, into: part, count: count * units)
    }
    let candidate = x.part(2 * units, units)
    Elementwise.tanh(candidate, into: candidate, count: units)
    for i in 0..<units { new[i] = x[units + i] * old[i] + x[i] * candidate[i] }
    Elementwise.tanh(new, into: y, count: units)
    for i in 0..<units { y[i] *= x[3 * units + i] }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    for t in steps.reversed() {
      try output.settle(t..<t + 1)
      let gradient = try output.gradient.row
      let sends = input.needsGradient
      let adds = sends && input.adds(t)
      let into = sends ? try input.gradient : layer.zeros
      try pass.pool.split(0..<batch, grain: 6) { samples, worker in
        let rows = layer.shifted(samples, by: t * batch)
        for b in samples {
          sweep(t, b, gradient.part((t * batch + b) * output.stride, units))
        }
        // The output of the step before went through the gates alone.
        pass.products[worker].multiply(
          layer.gates(recorded, rows), layer.matrix(layer.hiddenWeight).transposed,
          into: Matrix(carry.row, rows: batch, columns: units, rowStride: output.stride)
            .rows(samples), adds: false)
        guard sends else { return }
        pass.products[worker].multiply(
          layer.gates(recorded, rows), layer.matrix(layer.inputWeight).transposed,
          into: layer.inputs(t, samples, of: into), adds: adds)
      }
    }
  }

  /// Replaces the gates of a step by the gradients of their sums.
  private func sweep(_ t: Int, _ b: Int, _ gradient: Row<Float>) {
    let r = t * batch + b
    let x = layer.gates(recorded, r)
    let late = carry.row.part(b * output.stride, units)
    let kept = memoryCarry.row.part(b * output.stride, units)
    let old = oldMemory(t, b)
    for i in 0..<units {
      let (enters, forgets) = (x[i], x[units + i])
      let (new, emits) = (x[2 * units + i], x[3 * units + i])
      let g = gradient[i] + (detachesTime ? 0 : late[i])
      // The output is emits * shown, with shown = tanh(memory).
      let shown = tanhf(memory[r * output.stride + i])
      let onMemory = g * emits * (1 - shown * shown) + (detachesTime ? 0 : kept[i])
      x[i] = onMemory * new * enters * (1 - enters)
      x[units + i] = onMemory * old[i] * forgets * (1 - forgets)
      x[2 * units + i] = onMemory * enters * (1 - new * new)
      x[3 * units + i] = g * shown * emits * (1 - emits)
      kept[i] = onMemory * forgets
    }
  }

  func accumulate(_ pass: Pass) throws(ArcuateError) {
    try layer.accumulate(inputGates: recorded, hiddenGates: recorded, pass)
  }

  func operations(_ samples: Int, _ pass: Pass) -> Int { layer.operations(samples) }

  func trained() -> Operator? { .lstm(layer.trained()) }
}
