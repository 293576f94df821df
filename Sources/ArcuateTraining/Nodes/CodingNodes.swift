import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Values to spikes, with a straight-through gradient, times the gain, where the rate lies between
/// 0 and 1.
final class EncoderNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { true }
  var parameters: [Parameter] { [] }
  private let encoder: Encoder
  private let stream: UInt32
  private let state: View<Float>

  static func make(from encoder: Encoder, at site: NodeSite) throws(ArcuateError) -> EncoderNode {
    try EncoderNode(
      site.name, try site.input(), try site.output(), encoder: encoder,
      stream: site.randomStream())
  }

  private init(_ name: String, _ input: Signal, _ output: Signal, encoder: Encoder, stream: UInt32)
    throws(ArcuateError)
  {
    self.encoder = encoder
    self.stream = stream
    state = try Signal.storage(output.batch, output.stride)
    ports = NodePorts(name, [input], output)
  }

  func begin(_ pass: Pass) { state.row.fill(0) }

  func forward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    let width = output.width
    let isSigned = if case .signedBernoulli = encoder { true } else { false }
    for t in steps {
      try pass.pool.split(0..<output.batch) { part, _ in
        for b in part {
          let (x, y) = (input.row(t, b), output.row(t, b))
          switch encoder {
          case .singleShot(let gain):
            for i in 0..<width { y[i] = t == 0 ? gain * x[i] : 0 }
          case .bernoulli(let gain, _), .signedBernoulli(let gain, _):
            let step = pass.iteration &* UInt64(output.steps) &+ UInt64(t)
            var i = 0
            while i < width {
              // Random numbers come in fours; four zeros need none.
              if i + 4 <= width, x[i] == 0, x[i + 1] == 0, x[i + 2] == 0, x[i + 3] == 0 {
                y.part(i, 4).fill(0)
                i += 4
                continue
              }
              let words = pass.random.words(
                stream: stream, step: step, index: UInt32(truncatingIfNeeded: (b * width + i) / 4))
              for k in 0..<min(4, width - i) {
                let (uniform, chance) = (Float(words[k] >> 8) * 0x1p-24, gain * x[i + k])
                y[i + k] = uniform < chance ? 1 : isSigned && uniform < -chance ? -1 : 0
              }
              i += 4
            }
          case .rate(let gain):
            let v = state.row.part(b * output.stride, output.stride)
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

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
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

  func trained() -> Operator? { .encoder(encoder) }

  func accumulate(_ pass: Pass) {}
  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
}

/// The number of spikes so far, or the mean of the input.
final class DecoderNode: NodeTraining {
  let ports: NodePorts
  var outputIsTransient: Bool { false }
  var overwritesInput: Bool { false }
  var makesSpikes: Bool { false }
  var parameters: [Parameter] { [] }
  private let decoder: Decoder
  private let state: View<Float>

  static func make(from decoder: Decoder, at site: NodeSite) throws(ArcuateError) -> DecoderNode {
    try DecoderNode(site.name, try site.input(), try site.output(), decoder: decoder)
  }

  private init(_ name: String, _ input: Signal, _ output: Signal, decoder: Decoder)
    throws(ArcuateError)
  {
    self.decoder = decoder
    state = try Signal.storage(output.batch, output.stride)
    ports = NodePorts(name, [input], output)
  }

  func begin(_ pass: Pass) { state.row.fill(0) }

  private func factor(_ t: Int) -> Float { decoder == .count ? 1 : 1 / Float(t + 1) }

  func forward(_ steps: Range<Int>, _ pass: Pass) {
    for t in steps {
      for b in 0..<output.batch {
        let count = state.row.part(b * output.stride, output.stride)
        let y = output.row(t, b)
        LearningLoops.add(input.row(t, b), to: count)
        for i in 0..<output.width { y[i] = count[i] * factor(t) }
      }
      if t == output.steps - 1 { state.row.fill(0) }
    }
  }

  func backward(_ steps: Range<Int>, _ pass: Pass) throws(ArcuateError) {
    try output.settle(steps)
    guard input.needsGradient else { return }
    try sendBack(steps, to: input) { from, into, adds, t, b in
      // Every later output contains this step's input.
      let later = state.row.part(b * output.stride, output.stride)
      LearningLoops.add(from, times: factor(t), to: later)
      LearningLoops.put(
        later.part(0, output.width), into: into.part(0, output.width), adds: adds)
    }
  }

  func trained() -> Operator? { .decoder(decoder) }

  func accumulate(_ pass: Pass) {}
  func operations(_ samples: Int, _ pass: Pass) -> Int { 0 }
}
