import ArcuateCore
import ArcuateKernelTypes

extension Reference {
  /// Listed connections of one input: where each leads, its delay in steps, its weight.
  public typealias Connection = (post: Int, delay: Int, weight: Float)

  /// y[t][post] = sum of weight * x[t - delay][pre]: what left earlier first, then by ascending
  /// input, then in the order of the list; zeros of x are skipped.
  public static func sparse(
    input x: [[Float]], connections: [[Connection]], outputs: Int
  ) -> [[Float]] {
    let later = x.count + (connections.joined().map(\.delay).max() ?? 0)
    var y = [[Float]](repeating: [Float](repeating: 0, count: outputs), count: later)
    for t in x.indices {
      for j in x[t].indices where x[t][j] != 0 {
        for c in connections[j] { y[t + c.delay][c.post] += c.weight * x[t][j] }
      }
    }
    return Array(y.prefix(x.count))
  }
}
