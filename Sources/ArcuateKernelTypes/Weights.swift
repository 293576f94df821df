/// The element types of weights.
public enum WeightKind: UInt8, Sendable, CaseIterable {
  case float32, bfloat16, int8

  @inlinable
  public var byteCount: Int {
    switch self {
    case .float32: 4
    case .bfloat16: 2
    case .int8: 1
    }
  }
}

/// A matrix of weights, one row of outputs for each input.
///
/// Rows are `rowBytes` apart, a multiple of 64, as their address is; `bias` and, for int8, `scale`
/// have `columns` elements, a multiple of 16.
public struct WeightMatrix {
  public var kind: WeightKind
  public var rows: UnsafeRawPointer
  public var rowBytes: Int
  public var bias: UnsafePointer<Float>
  public var scale: UnsafePointer<Float>
  /// Whether they are too many for the second-level cache, so that rows are asked for in advance.
  public var isFar: Bool

  @inlinable
  public init(
    kind: WeightKind, rows: UnsafeRawPointer, rowBytes: Int, bias: UnsafePointer<Float>,
    scale: UnsafePointer<Float>, isFar: Bool
  ) {
    self.kind = kind
    self.rows = rows
    self.rowBytes = rowBytes
    self.bias = bias
    self.scale = scale
    self.isFar = isFar
  }
}
