import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Values to spikes. The gradient passes straight through, times the gain, where the rate lies
/// between 0 and 1.
final class EncoderNode: GradientNode {
  private let encoder: Encoder
  private let stream: UInt32
  private let room: View<Float>

  init(_ name: String, _ input: Signal, _ output: Signal, encoder: Encoder, stream: UInt32) throws {
    self.encoder = encoder
    self.stream = stream
    room = try Signal.room(output.batch, output.stride)
    super.init(name, [input], output)
  }

  override func begin(_ pass: Pass) { room.row.fill(0) }

  override func forward(_ steps: Range<Int>, _ pass: Pass) throws {
    let width = output.width
    let isSigned = if case .signedBernoulli = encoder { true } else { false }
    for t in steps {
      pass.pool.split(0..<output.batch) { part, _ in
        for b in part {
          let (x, y) = (input.row(t, b), output.row(t, b))
          switch encoder {
          case .singleShot(let gain):
            for i in 0..<width { y[i] = t == 0 ? gain * x[i] : 0 }
          case .bernoulli(let gain, _), .signedBernoulli(let gain, _):
            let step = pass.iteration &* UInt64(output.steps) &+ UInt64(t)
            var i = 0
            while i < width {
              // Four numbers come at once, and none where nothing can become of them.
              if i + 4 <= width, x[i] == 0, x[i + 1] == 0, x[i + 2] == 0, x[i + 3] == 0 {
                y.part(i, 4).fill(0)
                i += 4
                continue
              }
              let words = pass.random.words(
                stream: stream, step: step, index: UInt32(truncatingIfNeeded: (b * width + i) / 4))
              for k in 0..<min(4, width - i) {
                let (draw, chance) = (Float(words[k] >> 8) * 0x1p-24, gain * x[i + k])
                y[i + k] = draw < chance ? 1 : isSigned && draw < -chance ? -1 : 0
              }
              i += 4
            }
          case .rate(let gain):
            let v = room.row.part(b * output.stride, output.stride)
            for i in 0..<width {
              v[i] += gain * x[i]
              y[i] = v[i] >= 1 ? 1 : 0
              v[i] -= y[i]
            }
          }
        }
      }
    }
  }

  /// The gradient of a step's output with respect to its input x.
  private func slope(_ x: Float, _ t: Int) -> Float {
    switch encoder {
    case .bernoulli(let gain, _), .rate(let gain): gain * x >= 0 && gain * x <= 1 ? gain : 0
    case .signedBernoulli(let gain, _): abs(gain * x) <= 1 ? gain : 0
    case .singleShot(let gain): t == 0 ? gain : 0
    }
  }

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    try output.settle(steps)
    guard input.needsGradient else { return }
    try sendBack(steps, to: input) { g, d, adds, t, b in
      let x = input.row(t, b)
      for i in 0..<output.width {
        let value = slope(x[i], t) * g[i]
        d[i] = adds ? d[i] + value : value
      }
    }
  }

  override func learned() -> Operator? { .encoder(encoder) }
}

/// The number of spikes so far, or the mean of what came.
final class DecoderNode: GradientNode {
  private let decoder: Decoder
  private let room: View<Float>

  init(_ name: String, _ input: Signal, _ output: Signal, decoder: Decoder) throws {
    self.decoder = decoder
    room = try Signal.room(output.batch, output.stride)
    super.init(name, [input], output)
  }

  override func begin(_ pass: Pass) { room.row.fill(0) }

  private func factor(_ t: Int) -> Float { decoder == .count ? 1 : 1 / Float(t + 1) }

  override func forward(_ steps: Range<Int>, _ pass: Pass) {
    for t in steps {
      for b in 0..<output.batch {
        let count = room.row.part(b * output.stride, output.stride)
        let y = output.row(t, b)
        LearningLoops.add(input.row(t, b), to: count)
        for i in 0..<output.width { y[i] = count[i] * factor(t) }
      }
      if t == output.steps - 1 { room.row.fill(0) }
    }
  }

  override func backward(_ steps: Range<Int>, _ pass: Pass) throws {
    try output.settle(steps)
    guard input.needsGradient else { return }
    try sendBack(steps, to: input) { from, into, adds, t, b in
      // Every later count contains this step's spikes.
      let later = room.row.part(b * output.stride, output.stride)
      LearningLoops.add(from, times: factor(t), to: later)
      LearningLoops.put(
        later.part(0, output.width), into: into.part(0, output.width), adds: adds)
    }
  }

  override func learned() -> Operator? { .decoder(decoder) }
}
