import ArcuateCore

/// Loops that do nothing but what bounds the kernels: read memory, or multiply and add.
///
/// Each returns a number that means nothing, so that the work cannot be left out.
public struct CeilingLoops: Sendable {
  private let memory: View<Float>

  /// Memory of ones, of so many bytes. Throws. `outOfMemory`.
  public init(byteCount: Int) throws(ArcuateError) {
    Instructions.settle()
    let count = max(64, byteCount / 4 & ~63)
    memory = try AlignedBuffer(byteCount: count * 4).view(start: 0, count: count)
    memory.row.fill(1)
  }

  /// Bytes that can be read.
  public var byteCount: Int { memory.count * 4 }

  /// Reads `byteCount` bytes from `start`, both rounded down to multiples of 256, `passes` times.
  public func read(start: Int, byteCount: Int, passes: Int) -> Float {
    let part = memory.row.part(start / 4 & ~63, byteCount / 4 & ~63)
    // SAFETY: the part lies inside the memory, which this value keeps.
    return ceilingRead(part.pointer, count: part.count, passes: passes)
  }

  /// Reads the rows of `width` bytes, a multiple of 256, whose numbers are listed.
  public func readRows(width: Int, _ list: ArraySlice<UInt32>) -> Float {
    let floats = width / 4
    precondition(floats > 0 && floats & 63 == 0, "rows of whole vectors")
    let rows = memory.count / floats
    precondition(list.allSatisfy { $0 < rows }, "rows inside the memory")
    return list.withUnsafeBufferPointer { list in
      // SAFETY: checked above.
      list.baseAddress.map {
        ceilingReadRows(memory.pointer, width: floats, list: $0, listCount: list.count)
      } ?? 0
    }
  }

  /// Floating-point operations of `multiplyAdd` for each of its `count`.
  public static let operationsPerCount = 12 * 8 * 2

  public static func multiplyAdd(count: Int) -> Float { ceilingMultiplyAdd(0.5, count: count) }
}
