import ArcuateCore
import ArcuateKernels
import ArcuateModel
import ArcuateRuntime

extension Network {
  /// Spikes of all neurons in the last run of the first `samples` of a batch, and the operations that
  /// they caused: one for each connection of each spike, and products for what is not a spike.
  ///
  /// Definitions follow NeuroBench: an operation is a product of numbers that are not zero. What
  /// holds for all steps is counted once.
  public func activityCounts(
    samples: Int
  ) throws -> (spikes: Int, additions: Int, products: Int) {
    let samples = min(max(samples, 0), options.batch)
    var (spikes, additions, products) = (0, 0, 0)
    for node in nodes {
      if node is NeuronNode || node is EncoderNode, node.output.isSparse {
        spikes += try node.output.entries(samples, pool)
      }
      let operations: Int
      switch node {
      case let linear as LinearNode:
        let entries =
          linear.input.isSparse
          ? try linear.input.entries(samples, pool)
          : linear.input.steps * samples * linear.input.width
        operations = entries * linear.output.width
      case let convolution as ConvolutionNode: operations = convolution.operations(samples)
      default: continue
      }
      if node.input.isSparse, !isGiven(node.input) {
        additions += operations
      } else {
        products += operations
      }
    }
    return (spikes, additions, products)
  }

  /// Whether a signal holds numbers of the inputs, which are no spikes, as they are.
  private func isGiven(_ signal: Signal) -> Bool {
    inputs.contains { $0 === signal }
      || nodes.contains { $0 is PassNode && $0.output === signal && isGiven($0.input) }
  }
}

extension Signal {
  /// What is not zero in the rows of some samples.
  fileprivate func entries(_ samples: Int, _ pool: ThreadPool) throws -> Int {
    let lists = try listed(0..<steps, pool)
    return (0..<steps).reduce(0) { $0 + lists.entries($1 * batch..<$1 * batch + samples) }
  }
}

extension ConvolutionNode {
  /// Products of the last run of some samples.
  fileprivate func operations(_ samples: Int) -> Int {
    let width = input.width
    let fan = fanOut
    guard fan.count == width else { return 0 }
    var total = 0
    for t in 0..<input.steps {
      for b in 0..<samples {
        let x = input.row(t, b)
        for i in 0..<width where x[i] != 0 { total += Int(fan[i]) }
      }
    }
    return total
  }
}
