import ArcuateCore

/// A matrix of floats somewhere in a row: element (i, j) is at i * rowStride + j * columnStride, so
/// that a transposed matrix is the same one with its strides exchanged.
public struct Matrix: Sendable {
  public var elements: Row<Float>
  public var rows, columns: Int
  public var rowStride, columnStride: Int

  /// Needs. Strides that are not negative; every element lies inside; checked.
  public init(
    _ elements: Row<Float>, rows: Int, columns: Int, rowStride: Int, columnStride: Int = 1
  ) {
    precondition(rows >= 0 && columns >= 0 && rowStride >= 0 && columnStride >= 0)
    precondition(
      rows == 0 || columns == 0
        || (rows - 1) * rowStride + (columns - 1) * columnStride < elements.count,
      "the matrix lies inside its row")
    self.elements = elements
    self.rows = rows
    self.columns = columns
    self.rowStride = rowStride
    self.columnStride = columnStride
  }

  public var transposed: Matrix {
    Matrix(
      elements, rows: columns, columns: rows, rowStride: columnStride, columnStride: rowStride)
  }

  /// Some of its rows.
  public func rows(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows)
    guard !range.isEmpty else {
      return Matrix(
        elements, rows: 0, columns: columns, rowStride: rowStride, columnStride: columnStride)
    }
    let start = range.lowerBound * rowStride
    return Matrix(
      elements.part(start, elements.count - start), rows: range.count, columns: columns,
      rowStride: rowStride, columnStride: columnStride)
  }

  /// Some of its columns.
  public func columns(_ range: Range<Int>) -> Matrix {
    transposed.rows(range).transposed
  }
}

/// Matrix products of one worker, with the scratch buffers into which it copies blocks so that the
/// innermost loop reads memory in order.
///
/// Numbers. Each element is a sum over blocks of 256 of the inner extent, ascending, fused; its
/// bits depend on nothing else, so that a product may be cut into parts.
/// Source. Goto and van de Geijn 2008, "Anatomy of high-performance matrix multiplication".
public final class MatrixProduct: @unchecked Sendable {
  // SAFETY: one worker uses it at a time.
  private static let depthBlock = 256
  private static let rowBlock = 120
  private static let columnBlock = 1024
  /// What one takes.
  public static let byteCount = (rowBlock + columnBlock) * depthBlock * 4
  private let packedRows: View<Float>
  private let packedColumns: View<Float>

  public init() throws(ArcuateError) {
    let rows = MatrixProduct.rowBlock * MatrixProduct.depthBlock
    let columns = MatrixProduct.columnBlock * MatrixProduct.depthBlock
    packedRows = try AlignedBuffer(byteCount: rows * 4, isZeroed: false).view(start: 0, count: rows)
    packedColumns = try AlignedBuffer(byteCount: columns * 4, isZeroed: false)
      .view(start: 0, count: columns)
  }

  /// c = a b, or c += a b.
  /// Needs. Extents that fit; c with a column stride of 1; checked.
  public func multiply(_ a: Matrix, _ b: Matrix, into c: Matrix, adds: Bool) {
    precondition(
      a.rows == c.rows && b.columns == c.columns && a.columns == b.rows
        && (c.columnStride == 1 || c.columns <= 1), "matrices that fit")
    guard c.rows > 0, c.columns > 0 else { return }
    if a.columns == 0 {
      if !adds { for i in 0..<c.rows { c.elements.part(i * c.rowStride, c.columns).fill(0) } }
      return
    }
    let tile = productShape
    // SAFETY: each `Matrix` lies inside its row, and blocks stay inside the matrices; the packed
    // blocks have space for whole panels, since the block sizes are multiples of theirs.
    for j in stride(from: 0, to: c.columns, by: MatrixProduct.columnBlock) {
      let width = min(MatrixProduct.columnBlock, c.columns - j)
      for k in stride(from: 0, to: a.columns, by: MatrixProduct.depthBlock) {
        let depth = min(MatrixProduct.depthBlock, a.columns - k)
        packProductColumns(
          b.elements.pointer + k * b.rowStride, rowStride: b.rowStride,
          columnStride: b.columnStride, first: j, count: width, depth: depth,
          into: packedColumns.pointer)
        for i in stride(from: 0, to: c.rows, by: MatrixProduct.rowBlock) {
          let height = min(MatrixProduct.rowBlock, c.rows - i)
          packProductRows(
            a.elements.pointer + k * a.columnStride, rowStride: a.rowStride,
            columnStride: a.columnStride, first: i, count: height, depth: depth,
            into: packedRows.pointer)
          for jj in stride(from: 0, to: width, by: tile.columns) {
            for ii in stride(from: 0, to: height, by: tile.rows) {
              productTile(
                packedRows.pointer + ii * depth, packedColumns.pointer + jj * depth, depth: depth,
                c: c.elements.pointer + (i + ii) * c.rowStride + j + jj, cStride: c.rowStride,
                rows: min(tile.rows, height - ii), columns: min(tile.columns, width - jj),
                adds: adds || k > 0)
            }
          }
        }
      }
    }
  }
}
