import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// The order of the elements of rows: the model's, channel-first, or channel-last.
///
/// Convolutions and poolings emit [height][width][channel] rows, because their inner loops run over
/// channels; elementwise nodes keep what they get; ports, weights and flattening use the model's order.
enum ChannelOrder: Sendable {
  case first, last
  /// Channel-last if any input is.
  case asInputs

  /// For each element of a channel-last row its index in the model's order.
  static func lastOrder(_ shape: Shape) -> [Int32] {
    guard shape.rank >= 2 else { return (0..<Int32(shape.count)).map { $0 } }
    let channels = shape[0]
    let pixels = shape.count / max(channels, 1)
    return (0..<shape.count).map { Int32(($0 % channels) * pixels + $0 / channels) }
  }

  /// Takes a row from one order to the other; nil where they are the same.
  static func permutation(fromLast: Bool, toLast: Bool, _ shape: Shape) -> Permutation? {
    guard fromLast != toLast, shape.rank >= 2, shape[0] > 1, shape.count > shape[0] else {
      return nil
    }
    let order = lastOrder(shape)
    if toLast { return Permutation(order) }
    var inverse = order
    for (i, index) in order.enumerated() { inverse[Int(index)] = Int32(i) }
    return Permutation(inverse)
  }
}
