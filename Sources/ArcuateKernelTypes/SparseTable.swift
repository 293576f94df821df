/// How the weights of connections are stored.
public enum SparseElement: BitwiseCopyable, Sendable {
  case float32, bfloat16, int8
}

/// The connections of one node: for each input and each tile of outputs the positions of the
/// connections between them, then for each connection where it leads and its weight.
///
/// Neither list needs to be aligned.
public struct SparseTable: BitwiseCopyable, @unchecked Sendable {
  // SAFETY: the memory is not written while it is used.
  /// [inputs][tiles + 1]
  public var positions: UnsafePointer<UInt32>
  public var tiles: Int
  /// Outputs, or what `sparseRing` says, as u32.
  public var targets: UnsafeRawPointer
  public var weights: UnsafeRawPointer
  public var element: SparseElement
  /// The factor of int8 weights.
  public var scale: Float
  /// Inputs to look ahead, so that what is asked of the memory has come when it is needed.
  public var ahead: Int

  @inlinable
  public init(
    positions: UnsafePointer<UInt32>, tiles: Int, targets: UnsafeRawPointer,
    weights: UnsafeRawPointer, element: SparseElement, scale: Float, ahead: Int
  ) {
    self.positions = positions
    self.tiles = tiles
    self.targets = targets
    self.weights = weights
    self.element = element
    self.scale = scale
    self.ahead = ahead
  }
}
