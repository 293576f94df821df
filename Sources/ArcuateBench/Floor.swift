/// A lower bound on the time of a call, from counted work and measured ceilings; see `explanation`.
struct Floor: Equatable {
  /// The counted work of a call.
  struct Work: Equatable {
    /// Bytes of weights that are read at least once.
    var touchedBytes: Double
    /// Bytes of all weights, in the element type of the model.
    var networkBytes: Double
    /// Bytes that synaptic operations load: one weight each, and for a listed connection also its
    /// index and one load of the sum.
    var addedBytes: Double
    /// Membranes that changed, summed over steps and streams.
    var membranes: Double
  }

  /// Bytes of one vector load, which takes as long as the load of a single sum.
  static let loadBytes = 32.0

  var level: Ceilings.Level
  var reading_s: Double
  var adding_s: Double

  var seconds: Double { max(reading_s, adding_s) }
  /// The resource that limits the call.
  var bound: String { reading_s >= adding_s ? "reading \(level.rawValue)" : "adding" }

  init(_ work: Work, _ ceilings: Ceilings, _ caches: Caches) {
    let threads = Double(ceilings.threads)
    let sizes: [(Ceilings.Level, Double)] = [
      (.level1, threads * Double(caches.level1)), (.level2, threads * Double(caches.level2)),
      (.level3, Double(caches.level3)),
    ]
    level = sizes.first { work.networkBytes <= $0.1 }?.0 ?? .dram
    reading_s = work.touchedBytes / (ceilings.read[level] ?? .infinity)
    adding_s = (work.addedBytes + 4 * work.membranes) / ceilings.accumulate
  }

  static let explanation = """
    The floor of a workload is a lower bound on the time of one call, a frame or a sequence of
    steps, computed by adding the weight rows of active inputs:

        reading  touched bytes / read speed of the level that holds the weights
        adding   (operations * bytes of a weight + membranes * 4) / read speed of L1
        floor    the larger of the two

    Touched bytes: for a linear layer, the rows of inputs that fired at least once in the call,
    each read once for any number of steps and streams; for a convolution, all weights; for
    connection lists, the connections of inputs that fired, with an index of 4 bytes each and a
    delay if each has its own.
    Bytes are those of the model's weights: 4 in float32, 2 in bfloat16, 1 in int8.

    The level is the smallest that holds the weights of the whole network, since every call uses
    all of them. Caches of a single core count once for each thread.

    Operations are the MAC and AC that the kernels count. Adding a vector of weights to a sum takes
    at least its load from L1, so reading and adding floats there is the speed of adding. The sum of
    a listed connection is loaded on its own, which takes as long as 32 bytes and is counted in
    addition. A membrane that changed takes at least one vector operation. Inputs, outputs, spike
    lists and everything else count as zero.

    Methods that need less than one addition for each operation, such as tables of partial sums
    shared by many streams, can be below the floor; adding rows cannot.
    """
}
