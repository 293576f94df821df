import ArcuateCore

/// What a session remembers, as bytes.
///
/// | offset | size | what                                    |
/// |--------|------|-----------------------------------------|
/// | 0      | 8    | "ARCSTATE"                              |
/// | 8      | 8    | version: 1                              |
/// | 16     | 8    | fingerprint of the plan                 |
/// | 24     | 8    | floats of state                         |
/// | 32     | –    | step counts (u64), then floats, as kept |
extension Session {
  private static let magic: UInt64 = 0x4554_4154_5343_5241
  private static let headerCount = 32

  /// Bytes that `save` writes.
  public var snapshotByteCount: Int {
    Session.headerCount + stepCounts.count * 8 + state.count * 4
  }

  /// Writes the state of every stream; counters and probes are not part of it.
  /// Throws. `bufferTooSmall`.
  public func save(into output: UnsafeMutableRawBufferPointer) throws {
    guard output.count >= snapshotByteCount else {
      throw ArcuateError(
        .bufferTooSmall, "a snapshot has \(snapshotByteCount) bytes, room is for \(output.count)")
    }
    let header: [4 of UInt64] = [Session.magic, 1, plan.fingerprint, UInt64(state.count)]
    for i in 0..<4 {
      output.storeBytes(of: header[i].littleEndian, toByteOffset: 8 * i, as: UInt64.self)
    }
    var at = Session.headerCount
    for i in 0..<stepCounts.count {
      output.storeBytes(of: stepCounts[i].littleEndian, toByteOffset: at, as: UInt64.self)
      at += 8
    }
    for i in 0..<state.count {
      output.storeBytes(of: state[i].bitPattern.littleEndian, toByteOffset: at, as: UInt32.self)
      at += 4
    }
  }

  public func save() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: snapshotByteCount) { buffer, count in
      try! save(into: UnsafeMutableRawBufferPointer(buffer))
      count = snapshotByteCount
    }
  }

  /// Brings back what `save` wrote, from a session of this plan or of an equal one.
  /// Throws. `invalidState` if the bytes are not a snapshot of such a plan; nothing is changed then.
  public func restore(_ bytes: Bytes) throws {
    guard bytes.count == snapshotByteCount,
      try bytes.integer(UInt64.self, at: 0) == Session.magic,
      try bytes.integer(UInt64.self, at: 8) == 1
    else {
      throw ArcuateError(
        .invalidState,
        "\(bytes.count) bytes are not a snapshot of this plan, which has \(snapshotByteCount)")
    }
    guard try bytes.integer(UInt64.self, at: 16) == plan.fingerprint,
      try bytes.integer(UInt64.self, at: 24) == UInt64(state.count)
    else { throw ArcuateError(.invalidState, "the snapshot belongs to another plan") }
    let counts = Session.headerCount
    let floats = counts + stepCounts.count * 8
    for i in 0..<stepCounts.count {
      stepCounts[i] = try bytes.integer(UInt64.self, at: counts + 8 * i)
    }
    for i in 0..<state.count {
      state[i] = Float(bitPattern: try bytes.integer(UInt32.self, at: floats + 4 * i))
    }
  }

  /// Another session of the same plan in the same state; without this one's counters and probes.
  /// Throws. `outOfMemory`.
  public func clone() throws -> Session {
    let copy = try plan.makeSession()
    copy.stepCounts.row.copy(from: stepCounts.row)
    copy.state.row.copy(from: state.row)
    return copy
  }
}
