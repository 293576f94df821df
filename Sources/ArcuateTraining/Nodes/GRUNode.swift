import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// A gated recurrent unit, forward over time and back through it.
///
/// The gates of all steps are recorded in rows [r, z, n]; the backward pass replaces them by the
/// gradients of what enters the gates, of which `accumulate` makes the gradients of the weights.
final class GRUNode: NodeTraining {
  var ports: NodePorts { layer.ports }
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  var parameters: [Parameter] { layer.parameters }

  private let layer: GatedTraining
  /// [steps][batch], rows of three gates: those of the input and those of the output of the step before.
  private let inputGates, hiddenGates: View<Float>
  /// The gradient of the output of the step before.
  private let carry: View<Float>
  private let detachesTime: Bool

  init(_ gru: GRU, at site: NodeSite) throws(ArcuateError) {
    layer = try GatedTraining(gru, at: site)
    let ports = layer.ports
    inputGates = try layer.storage()
    hiddenGates = try layer.storage()
    carry = try Signal.storage(ports.output.batch, ports.output.stride)
    detachesTime = site.options.detachesTime
  }

  private var units: Int { output.width }
  private var batch: Int { output.batch }

  func begin(_ pass: Pass) { carry.row.fill(0) }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    for t in steps {
      try pass.pool.split(0..<batch, grain: 6) { samples, worker in
        let rows = layer.shifted(samples, by: t * batch)
        for r in rows {
          layer.gates(inputGates, r).copy(from: layer.bias(layer.inputBias))
          layer.gates(hiddenGates, r).copy(from: layer.bias(layer.hiddenBias))
        }
        pass.products[worker].multiply(
          layer.inputs(t, samples),
          layer.matrix(layer.inputWeight), into: layer.gates(inputGates, rows), adds: true)
        pass.products[worker].multiply(
          layer.before(t, samples), layer.matrix(layer.hiddenWeight),
          into: layer.gates(hiddenGates, rows), adds: true)
        for b in samples { step(t, b) }
      }
    }
  }

  /// Computes the gates of one step from their sums, and the output; the gates replace the input's
  /// sums.
  private func step(_ t: Int, _ b: Int) {
    let r = t * batch + b
    let (x, h, y) = (layer.gates(inputGates, r), layer.gates(hiddenGates, r), output.row(r))
    LearningLoops.add(h.part(0, 2 * units), to: x.part(0, 2 * units))
    Elementwise.sigmoid(x.part(0, 2 * units), into: x.part(0, 2 * units), count: 2 * units)
    let n = x.part(2 * units, units)
    LearningLoops.multiply(
      h.part(2 * units, units), by: x.part(0, units), into: n, adds: true)
    Elementwise.tanh(n, into: n, count: units)
    let old = t > 0 ? output.row(r - batch) : layer.zeros.row.part(0, output.stride)
    for i in 0..<units { y[i] = n[i] + x[units + i] * (old[i] - n[i]) }
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
        // What went through the update gate alone is in `carry`; this adds what the gates saw.
        pass.products[worker].multiply(
          layer.gates(hiddenGates, rows), layer.matrix(layer.hiddenWeight).transposed,
          into: Matrix(carry.row, rows: batch, columns: units, rowStride: output.stride)
            .rows(samples), adds: true)
        guard sends else { return }
        pass.products[worker].multiply(
          layer.gates(inputGates, rows), layer.matrix(layer.inputWeight).transposed,
          into: layer.inputs(t, samples, of: into), adds: adds)
      }
    }
  }

  /// Replaces the gates of a step by the gradients of their sums.
  private func sweep(_ t: Int, _ b: Int, _ gradient: Row<Float>) {
    let r = t * batch + b
    let (x, h) = (layer.gates(inputGates, r), layer.gates(hiddenGates, r))
    let late = carry.row.part(b * output.stride, units)
    let old = t > 0 ? output.row(r - batch) : layer.zeros.row.part(0, output.stride)
    for i in 0..<units {
      let (reset, update, new) = (x[i], x[units + i], x[2 * units + i])
      let g = gradient[i] + (detachesTime ? 0 : late[i])
      let onNew = g * (1 - update) * (1 - new * new)
      let onUpdate = g * (old[i] - new) * update * (1 - update)
      let onReset = onNew * h[2 * units + i] * reset * (1 - reset)
      (x[i], x[units + i], x[2 * units + i]) = (onReset, onUpdate, onNew)
      (h[i], h[units + i], h[2 * units + i]) = (onReset, onUpdate, onNew * reset)
      late[i] = g * update
    }
  }

  func accumulate(_ pass: Pass) throws(ArcuateError) {
    try layer.accumulate(inputGates: inputGates, hiddenGates: hiddenGates, pass)
  }

  func operations(_ samples: Int, _ pass: Pass) -> Int { layer.operations(samples) }

  func trained() -> Operator? { .gru(layer.trained()) }
}
