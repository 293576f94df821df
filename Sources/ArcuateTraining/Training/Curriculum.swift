import ArcuateCore

/// Novel samples: an epoch of all samples is followed by `selective` epochs of the novel ones, and so on;
/// the last epoch uses all.
///
/// The novelty of a sample is its loss when it was last trained on (`Trainer.sampleLosses`), which costs
/// no forward pass of its own. `arcuate.fit` of the Python package does the same (`curriculum`).
/// Source. Shi et al. 2020 (CBSNN).
public struct Curriculum: Sendable, Equatable {
  /// The fraction of the samples that counts as novel: those with the largest losses.
  public var share: Double
  /// Epochs of novel samples after each epoch of all.
  public var selective: Int

  /// Throws. `invalidArgument` naming the value out of range.
  public init(share: Double = 0.2, selective: Int = 5) throws(ArcuateError) {
    try checkRange(share, .leastNonzeroMagnitude...1, "share")
    try checkRange(selective, 1...1_000_000, "selective")
    (self.share, self.selective) = (share, selective)
  }

  /// Whether an epoch, from 0 on, of so many uses all samples.
  public func usesAll(epoch: Int, of epochs: Int) -> Bool {
    epoch % (selective + 1) == 0 || epoch == epochs - 1
  }

  /// The samples of an epoch: those of `order`, an epoch's order of all, that are novel; of equally novel
  /// ones the first.
  ///
  /// Needs. The novelty of every sample; infinite for one that was never used.
  public func samples(
    _ order: [Int], novelty: [Double], epoch: Int, of epochs: Int
  ) -> [Int] {
    guard !usesAll(epoch: epoch, of: epochs) else { return order }
    let count = Int((share * Double(order.count)).rounded(.toNearestOrEven))
    let ranked = order.indices.sorted {
      let (a, b) = (novelty[order[$0]], novelty[order[$1]])
      return a == b ? $0 < $1 : a > b
    }
    return ranked.prefix(count).sorted().map { order[$0] }
  }
}
