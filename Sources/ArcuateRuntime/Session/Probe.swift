import ArcuateCore

/// A recording of one node, step by step.
public final class Probe {
  public enum Quantity: String, Sendable, CaseIterable {
    /// What the node emits: spikes of spiking nodes, values of others.
    case output
    /// The membrane potential after the reset. Neurons only.
    case membrane
    /// The synaptic current. Neurons with synapses only.
    case current

    /// The state of the node that it is; nil for what the node emits.
    var state: NodeQuantity? {
      switch self {
      case .output: nil
      case .membrane: .membrane
      case .current: .current
      }
    }
  }

  /// Numbers that a recording holds at most.
  static let mostNumbers = 1 << 34

  public let node: String
  public let quantity: Quantity
  /// The shape of one step of one stream, channel-first.
  public let shape: Shape
  /// The largest number of steps recorded.
  public let capacity: Int
  /// Steps recorded since the last `clear`; recording stops at `capacity`.
  public internal(set) var recorded = 0
  /// Steps that ran after `capacity` was reached.
  public internal(set) var missed = 0

  let step: Int
  let batch: Int
  /// [capacity][batch][stride], in the order of the node's rows.
  let rows: View<Float>
  let stride: Int
  /// Index in a row of each element, where the row is not channel-first.
  let order: [Int32]?

  init(
    node: String, quantity: Quantity, shape: Shape, capacity: Int, step: Int, batch: Int,
    stride: Int, order: [Int32]?
  ) throws(ArcuateError) {
    self.node = node
    self.quantity = quantity
    self.shape = shape
    self.capacity = capacity
    self.step = step
    self.batch = batch
    self.stride = stride
    self.order = order
    let perStep = max(1, batch * stride)
    let (count, overflow) = capacity.multipliedReportingOverflow(by: perStep)
    guard capacity >= 0, !overflow, count <= Probe.mostNumbers else {
      throw ArcuateError(
        .limitExceeded,
        "capacity is \(UInt(bitPattern: capacity)), above \(Probe.mostNumbers / perStep): "
          + "a recording holds up to 2^34 numbers, \(perStep) for each step")
    }
    rows = try within("a recording of \(capacity) steps") {
      () throws(ArcuateError) -> View<Float> in
      try AlignedBuffer(byteCount: count * 4).view(start: 0, count: count)
    }
  }

  @inline(__always)
  func row(_ step: Int, _ stream: Int) -> Row<Float>? {
    guard recorded + step < capacity else { return nil }
    return rows.row.part(((recorded + step) * batch + stream) * stride, stride)
  }

  func advance(_ steps: Int) {
    let taken = min(steps, capacity - recorded)
    recorded += taken
    missed += steps - taken
  }

  /// Forgets what was recorded.
  public func clear() {
    recorded = 0
    missed = 0
  }

  /// Floats in `recorded` steps: [recorded][batch][shape].
  public var count: Int { recorded * batch * shape.count }

  /// Copies what was recorded, [recorded][batch][shape], channel-first.
  /// Throws. `bufferSize` if `output` has fewer than `count` elements.
  public func read(into output: UnsafeMutableBufferPointer<Float>) throws(ArcuateError) {
    guard output.count >= count else {
      throw ArcuateError(
        .bufferSize, "\(count) numbers were recorded, but the buffer holds \(output.count)")
    }
    var at = 0
    for r in 0..<recorded * batch {
      let row = rows.row.part(r * stride, stride)
      for i in 0..<shape.count {
        output[at] = row[order.map { Int($0[i]) } ?? i]
        at += 1
      }
    }
  }

  /// What was recorded, [recorded][batch][shape], channel-first.
  public func values() -> [Float] {
    var result = [Float](repeating: 0, count: count)
    result.withUnsafeMutableBufferPointer { try! read(into: $0) }
    return result
  }
}
