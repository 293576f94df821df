/// The extents of an array, outermost first; a scalar has none.
///
/// Batch and time are never part of a shape.
public struct Shape: Sendable, Hashable, CustomStringConvertible, ExpressibleByArrayLiteral {
  public let extents: [Int]
  /// The number of elements; 1 for a scalar.
  public let count: Int

  /// The largest supported rank.
  public static let maximumRank = 8

  /// Throws. `shapeMismatch` if an extent is negative, the rank is above `maximumRank`, or the
  /// product of the extents that are not 0 exceeds 2^40: so no product of extents overflows.
  public init(_ extents: [Int]) throws(ArcuateError) {
    guard extents.count <= Shape.maximumRank else {
      throw ArcuateError(
        .shapeMismatch, "rank \(extents.count) exceeds the limit of \(Shape.maximumRank)")
    }
    var product = 1
    for extent in extents {
      let (next, overflow) = product.multipliedReportingOverflow(by: extent == 0 ? 1 : extent)
      guard extent >= 0, !overflow, next <= 1 << 40 else {
        throw ArcuateError(.shapeMismatch, "shape \(extents) is negative or exceeds 2^40 elements")
      }
      product = next
    }
    self.extents = extents
    count = extents.contains(0) ? 0 : product
  }

  /// A shape known at compile time. Not for untrusted data: its extents are not checked.
  public init(arrayLiteral elements: Int...) {
    extents = elements
    count = elements.reduce(1, *)
  }

  public static let scalar: Shape = []

  /// Whether elements of this shape, such as [4, 1, 1], are repeated along some axes of another one,
  /// such as [4, 8, 8]: as many axes, each as long or of one element.
  public func isRepeated(over other: Shape) -> Bool {
    rank == other.rank && zip(extents, other.extents).allSatisfy { $0 == $1 || $0 == 1 }
  }

  public var rank: Int { extents.count }

  public subscript(axis: Int) -> Int { extents[axis] }

  /// The index, such as "[3, 0]", of the element at `offset` in row-major order.
  public func index(of offset: Int) -> Shape {
    var rest = offset
    let index = extents.reversed().map { extent in
      defer { rest /= max(extent, 1) }
      return rest % max(extent, 1)
    }
    return try! Shape(index.reversed())
  }

  public var description: String { "[" + extents.map(String.init).joined(separator: ", ") + "]" }
}
