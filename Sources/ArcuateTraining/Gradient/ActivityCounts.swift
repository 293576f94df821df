import ArcuateCore
import ArcuateRuntime

extension Network {
  /// Spikes of all neurons in the last run of the first `samples` of a batch, and the operations that
  /// they caused: one for each connection of each spike, and products for what is not a spike.
  ///
  /// Definitions follow NeuroBench: an operation is a product of nonzero numbers. What is the same at
  /// all steps is counted once.
  public func activityCounts(
    samples: Int
  ) throws(ArcuateError) -> (spikes: Int, additions: Int, products: Int) {
    let samples = min(max(samples, 0), options.batch)
    var (spikes, additions, products) = (0, 0, 0)
    for node in nodes {
      if node.makesSpikes, node.output.isSparse {
        spikes += try node.output.nonzeros(samples, pool)
      }
      let operations = try node.operations(samples, pass)
      guard operations > 0 else { continue }
      if node.input.isSparse, !node.input.isGiven {
        additions += operations
      } else {
        products += operations
      }
    }
    return (spikes, additions, products)
  }
}

extension Signal {
  /// Nonzeros in the rows of the first samples.
  func nonzeros(_ samples: Int, _ pool: ThreadPool) throws(ArcuateError) -> Int {
    let lists = try listed(0..<steps, pool)
    return (0..<steps).reduce(0) { $0 + lists.entries($1 * batch..<$1 * batch + samples) }
  }
}
