/// A neuron program made ready for the kernel: instructions on rows of lanes.
///
/// All instructions run on one tile of neurons before the next tile, so the rows of a tile stay in the
/// first-level cache.
public enum LaneProgram {
  /// Neurons of a tile at least; a tile is this or a few times as many.
  @inlinable public static var tile: Int { 256 }
  @inlinable public static var largestTile: Int { 1024 }
  /// Addresses that operands start from.
  @inlinable public static var baseCount: Int { 64 }
}

/// What an instruction does with the rows a, b, c, d and e. Conditions are lanes of -1 and 0.
public enum LaneOperation: UInt8, Sendable, BitwiseCopyable, CaseIterable {
  // Numbers.
  case copy, add, subtract, multiply, divide, negative, abs, min, max, floor, sqrt, exp, log, tanh
  /// a * b + c, a * b - c and c - a * b, each rounded twice.
  case multiplyAdd, multiplySubtract, subtractProduct
  /// a * b + c * d, rounded three times; e + a * b + c * d, rounded after each sum and product.
  case twoProducts, addTwoProducts
  /// (b + c) * a + d, rounded three times.
  case sumTimesAdd
  case greater, greaterEqual, equal
  case and, or, not
  /// b where a is true, else c.
  case select
  /// c where a > b, or a >= b, else d.
  case selectGreater, selectGreaterEqual
  // Integers.
  case addIntegers, subtractIntegers, multiplyIntegers, negativeInteger, absInteger, minIntegers
  case maxIntegers, shiftLeft, shiftRight, greaterIntegers, greaterEqualIntegers, equalIntegers
  case toInteger, toNumber
  case uniform, normal

  // The ends of a step.
  /// Emits 1 where a is true.
  case spike
  /// Emits a as a number of spikes.
  case count
  /// Emits a.
  case value
  /// The target becomes a; lanes that change are counted.
  case commit
  /// The same for integers.
  case commitIntegers
  /// The target becomes c where a > b, or a >= b, else a: a spike, which is emitted. Lanes of the
  /// target that change are counted.
  case fireGreater, fireGreaterEqual
  /// The target becomes a where a neuron was listed in this tile; elsewhere it stays.
  case resetListed
}

/// The position of a row of a tile: an address to start from, and sixteens of floats from there.
public struct LaneOperand: BitwiseCopyable, Sendable, Hashable {
  public var base: Int32
  public var offset: Int32

  /// Rows that every tile has in common: sixteen copies of one number.
  @inlinable public static var constants: Int32 { 0 }
  /// Rows of whole layers.
  @inlinable public static var parameters: Int32 { 1 }
  @inlinable public static var states: Int32 { 2 }
  /// Rows of one tile.
  @inlinable public static var scratch: Int32 { 3 }
  /// Values that live longer than a tile.
  @inlinable public static var rows: Int32 { 4 }
  /// Sixteen copies of a number that differs from step to step.
  @inlinable public static var shared: Int32 { 5 }
  /// The first input.
  @inlinable public static var inputs: Int32 { 6 }

  @inlinable
  public init(_ base: Int32, _ offset: Int32) {
    self.base = base
    self.offset = offset
  }

  @inlinable public static var none: LaneOperand { LaneOperand(constants, 0) }
}

public struct LaneInstruction: BitwiseCopyable, Sendable {
  public var operation: LaneOperation
  /// The index of a random draw within the program: draws with different indices are independent.
  public var site: UInt32
  public var target: LaneOperand
  public var a, b, c, d, e: LaneOperand

  @inlinable
  public init(
    _ operation: LaneOperation, target: LaneOperand = .none, _ a: LaneOperand = .none,
    _ b: LaneOperand = .none, _ c: LaneOperand = .none, _ d: LaneOperand = .none,
    _ e: LaneOperand = .none, site: UInt32 = 0
  ) {
    self.operation = operation
    self.site = site
    self.target = target
    (self.a, self.b, self.c, self.d, self.e) = (a, b, c, d, e)
  }
}

/// The counter of the random numbers of a step.
public struct LaneRandom: Sendable {
  public var key0, key1, stream: UInt32
  public var step: UInt64
  /// The index of the first neuron.
  public var first: UInt32 = 0

  @inlinable
  public init(key0: UInt32, key1: UInt32, stream: UInt32, step: UInt64) {
    self.key0 = key0
    self.key1 = key1
    self.stream = stream
    self.step = step
  }
}

/// The rows of a tile: where they start from, the first neuron, and how many floats are computed.
public struct LaneRows {
  public var bases: UnsafePointer<UnsafeMutablePointer<Float>>
  public var first: Int
  public var count: Int

  @inlinable
  public init(bases: UnsafePointer<UnsafeMutablePointer<Float>>, first: Int, count: Int) {
    self.bases = bases
    self.first = first
    self.count = count
  }
}

/// A row of a tile; `mask` is -1, or 0 for sixteen copies of one number.
public struct LaneAddress {
  public var pointer: UnsafeMutablePointer<Float>
  public var mask: Int

  @inlinable
  public init(pointer: UnsafeMutablePointer<Float>, mask: Int) {
    self.pointer = pointer
    self.mask = mask
  }
}
