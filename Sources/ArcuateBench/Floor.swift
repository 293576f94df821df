/// The least time in which a call could be done by adding weight rows of what fired, from counted
/// work and measured ceilings; `explanation` says how.
struct Floor: Equatable {
  /// What a call does, as counted.
  struct Work: Equatable {
    /// Bytes of weights that are needed at least once.
    var touchedBytes: Double
    /// Bytes of all weights, in the element type of the model.
    var networkBytes: Double
    /// Bytes that synaptic operations bring to their sums: one weight each, and for a listed
    /// connection its place and as much time as a load takes.
    var addedBytes: Double
    /// Membranes that changed, summed over steps and streams.
    var membranes: Double
  }

  /// Bytes of a vector that is loaded at once: a sum that stands alone takes as long.
  static let loadBytes = 32.0

  var level: Ceilings.Level
  var reading_s: Double
  var adding_s: Double

  var seconds: Double { max(reading_s, adding_s) }
  /// What takes the time.
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
    The floor of a workload is the least time in which one call, a frame or a sequence of steps,
    could be done by adding the weight rows of what fired:

        reading  touched bytes / read speed of the level that holds the weights
        adding   (operations * bytes of a weight + membranes * 4) / read speed of L1
        floor    the larger of the two

    Touched bytes: of each linear layer the rows of the inputs that fired at least once in the
    call, each read once, whatever the number of steps and streams; of a convolution all weights;
    of listed connections those of the inputs that fired, with a place of 4 bytes each and a delay
    where each has its own.
    Bytes are those of the model's weights: 4 in float32, 2 in bfloat16, 1 in int8.

    The level is the smallest that holds the weights of the whole network, since every call goes
    through all of them. Caches that each core has for itself count once for each thread.

    Operations are the MAC and AC that the kernels count. Adding a vector of weights to a sum takes
    at least its load from L1, so that reading and adding floats there has the speed of adding. The
    sum of a listed connection stands alone and takes a load of its own, as long as one of 32 bytes:
    these count beside the connection's. A
    membrane that changed takes a vector operation at least. Inputs, outputs, lists of spikes and
    everything else count as nothing.

    Methods that need less than one addition for each operation, such as tables of partial sums
    that many streams share, can go below it; adding rows cannot.
    """
}
