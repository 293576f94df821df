import Arcuate
import ArcuateConsole

/// A recurrent network with delays: leaky neurons with exponential synapses, four fifths excitatory
/// and one fifth inhibitory, randomly connected; delays of 1.5 ms, steps of 0.1 ms, one second from
/// rest in a call.
///
/// The only input is a constant current that drives most neurons to their threshold. Inhibition is
/// 4.6 times as strong as excitation, so that the mean input nearly cancels; weights of 0.6 /
/// sqrt(number of connections) keep the fluctuations the same at every size.
/// Source. Brunel, J. Comput. Neurosci. 8, 2000: the asynchronous regime.
struct DelaysWorkload<Size: DelaysSize>: Workload {
  static var name: String { Size.name }
  static var summary: String {
    let connections = Float(Size.neurons * Size.neurons) * Size.density / 1e6
    return "\(Size.neurons) neurons, \(fixed(Double(connections), 2)) M delayed connections, "
      + "10,000 steps"
  }

  private let neurons: Int

  init(isSmall: Bool) {
    neurons = isSmall ? Size.neurons / 20 : Size.neurons
    lengths = isSmall ? [1500] : [10_000]
  }

  let elements: [Tensor.Element] = [.float32]
  let batches = [1]
  let lengths: [Int]
  let isFramed = true
  var inputShape: Shape { try! Shape([neurons]) }

  func makeModel(_ random: RandomSource) throws -> Model {
    let n = neurons
    var model = Model()
    model.semantics.integrator = .exponential
    model.dt_s = 1e-4
    var neuron = Neuron(
      .cubaLIF, tauMembrane: Tensor(scalar: 20e-3), resistance: Tensor(scalar: 1),
      leak: Tensor(vector: (0..<n).map { 1.03 * (0.95 + 0.1 * random.uniform(.currents, 0, $0)) }),
      threshold: Tensor(scalar: 1), resetValue: Tensor(scalar: 0))
    neuron.tauSynapse = Tensor(scalar: 5e-3)
    // 1 / (1 - exp(-0.1 ms / 5 ms)): a spike adds exactly its weight. The constant current is
    // expressed as the potential to which the membrane decays.
    neuron.inputWeight = Tensor(scalar: 50.501667)
    model.nodes = [
      .init("input", .input(shape: inputShape)), .init("neurons", .neuron(neuron)),
      .init("synapses", .sparse(try connections(random))),
      .init("output", .output(shape: inputShape)),
    ]
    model.edges = [
      .init("input", "neurons"), .init("synapses", "neurons"), .init("neurons", "synapses"),
      .init("neurons", "output"),
    ]
    return model
  }

  /// Cost. About 10 ns and 8 bytes per connection, twice the memory while a list is copied.
  private func connections(_ random: RandomSource) throws -> SparseLinear {
    let n = neurons
    let gaps = random.gaps(probability: Size.density)
    let expected = Int(Float(n) * Float(n) * Size.density)
    var starts: [Int64] = [0]
    let list: IndexArray
    do {
      var targets: [UInt32] = []
      targets.reserveCapacity(expected + expected / 16)
      for source in 0..<n {
        var (next, k) = (-1, 0)
        row: while true {
          let words = random.words(.connections, source, k)
          k += 1
          for i in 0..<8 {
            next += Int(gaps[Int(words[i])])
            if next >= n { break row }
            targets.append(UInt32(next))
          }
        }
        starts.append(Int64(targets.count))
      }
      list = IndexArray(targets)
    }
    let base = 0.6 / (Float(n) * Size.density).squareRoot()
    var weights: [Float] = []
    weights.reserveCapacity(list.count)
    for source in 0..<n {
      let scale = (source < n * 4 / 5 ? base : -4.6 * base) / 65_536
      let count = Int(starts[source + 1] - starts[source])
      for k in stride(from: 0, to: count, by: 8) {
        let words = random.words(.weights, source, k)
        for i in 0..<min(8, count - k) { weights.append((32_768 + Float(words[i])) * scale) }
      }
    }
    return SparseLinear(
      post: n, pre: n, rowStarts: IndexArray(starts), postIndices: list,
      weight: Tensor(vector: weights), delay_s: Tensor(scalar: 1.5e-3))
  }

  /// Silence, held over the steps.
  func input(_ random: RandomSource, call: Int, steps: Int, batch: Int) -> [Float] {
    [Float](repeating: 0, count: batch * neurons)
  }

  /// All calls are the same.
  func calls(batch: Int) -> Int { 1 }
}

/// The number of neurons and the fraction of all pairs that are connected.
protocol DelaysSize: Sendable {
  static var name: String { get }
  static var neurons: Int { get }
  static var density: Float { get }
}

enum DelaysSizes {
  enum Smallest: DelaysSize {
    static let (name, neurons, density) = ("delays-4k-2", 4_000, Float(0.02))
  }
  enum Small: DelaysSize {
    static let (name, neurons, density) = ("delays-4k-10", 4_000, Float(0.1))
  }
  enum Large: DelaysSize {
    static let (name, neurons, density) = ("delays-20k-2", 20_000, Float(0.02))
  }
  enum Largest: DelaysSize {
    static let (name, neurons, density) = ("delays-20k-10", 20_000, Float(0.1))
  }
}
