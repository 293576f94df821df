import ArcuateCore

/// What a session remembers, as bytes.
///
/// | offset | size | what                                       |
/// |--------|------|--------------------------------------------|
/// | 0      | 8    | "ARCSTATE"                                 |
/// | 8      | 8    | version: 2                                 |
/// | 16     | 8    | fingerprint of the plan                    |
/// | 24     | 8    | floats of state, a multiple of 16          |
/// | 32     | 8    | checksum of all other bytes                |
/// | 40     | –    | step counts (u64), then floats, as kept    |
///
/// All numbers are little endian.
extension Session {
  private static let magic: UInt64 = 0x4554_4154_5343_5241
  private static let version: UInt64 = 2
  private static let checksumOffset = 32
  private static let headerCount = 40
  /// Far more than any stream will see, and far from where sums of step counts overflow.
  private static let mostStepCounts: UInt64 = 1 << 62

  /// Bytes that `save` writes.
  public var snapshotByteCount: Int {
    Session.headerCount + arena.stepCounts.count * 8 + arena.state.count * 4
  }

  /// A number that changes with every change of one of the 8-byte words, but for the checksum's own:
  /// FNV-1a over words, with a shift so that the high bits reach the low ones.
  private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var sum = FNV()
    for offset in stride(from: 0, to: bytes.count & ~7, by: 8) where offset != checksumOffset {
      let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      sum.add(UInt64(littleEndian: word))
      sum.hash ^= sum.hash >> 32
    }
    return sum.hash
  }

  /// Writes the state of every stream; counters and probes are not part of it.
  /// Throws. `bufferSize`.
  public func save(into output: UnsafeMutableRawBufferPointer) throws(ArcuateError) {
    guard output.count >= snapshotByteCount else {
      throw ArcuateError(
        .bufferSize,
        "a snapshot has \(snapshotByteCount) bytes, but the buffer holds \(output.count)")
    }
    func store(_ value: UInt64, at offset: Int) {
      output.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt64.self)
    }
    store(Session.magic, at: 0)
    store(Session.version, at: 8)
    store(plan.fingerprint, at: 16)
    store(UInt64(arena.state.count), at: 24)
    var at = Session.headerCount
    for i in 0..<arena.stepCounts.count {
      store(arena.stepCounts[i], at: at)
      at += 8
    }
    for i in 0..<arena.state.count {
      output.storeBytes(
        of: arena.state[i].bitPattern.littleEndian, toByteOffset: at, as: UInt32.self)
      at += 4
    }
    // SAFETY: the first `at` bytes of the output, all written above.
    let written = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(output)[..<at])
    store(Session.checksum(written), at: Session.checksumOffset)
  }

  public func save() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: snapshotByteCount) { buffer, count in
      // SAFETY: lent for the call, which checks its size.
      try! save(into: UnsafeMutableRawBufferPointer(buffer))
      count = snapshotByteCount
    }
  }

  /// Brings back what `save` wrote, from a session of this plan or of an equal one.
  /// Throws. `invalidState` saying what differs; nothing is changed then.
  public func restore(_ bytes: Bytes) throws(ArcuateError) {
    func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(ArcuateError) {
      if !condition { throw ArcuateError(.invalidState, message()) }
    }
    func word(_ offset: Int) throws(ArcuateError) -> UInt64 { try bytes.integer(at: offset) }

    try require(
      bytes.count >= Session.headerCount,
      "\(bytes.count) bytes are no snapshot, whose header alone has \(Session.headerCount)")
    try require(
      try word(0) == Session.magic, "is not a snapshot: it does not begin with \"ARCSTATE\"")
    let version = try word(8)
    try require(
      version == Session.version,
      "is a snapshot of version \(version), not \(Session.version)")
    let (fingerprint, count) = (try word(16), try word(24))
    try require(
      fingerprint == plan.fingerprint && count == UInt64(arena.state.count),
      "the snapshot belongs to another plan")
    try require(
      bytes.count == snapshotByteCount,
      "the snapshot has a length of \(bytes.count) bytes, not \(snapshotByteCount)")
    try require(
      try word(Session.checksumOffset) == bytes.withUnsafeBytes(Session.checksum),
      "the snapshot is damaged: its checksum differs")
    let counts = Session.headerCount
    let floats = counts + arena.stepCounts.count * 8
    for i in 0..<arena.stepCounts.count {
      let count = try word(counts + 8 * i)
      try require(
        count <= Session.mostStepCounts,
        "stream \(i) is said to have run \(count) steps, above 2^62")
    }
    for i in 0..<arena.stepCounts.count { arena.stepCounts[i] = try word(counts + 8 * i) }
    for i in 0..<arena.state.count {
      arena.state[i] = Float(bitPattern: try bytes.integer(UInt32.self, at: floats + 4 * i))
    }
    findSparseLists()
  }

  /// Another session of the same plan in the same state; without this one's counters and probes.
  /// Throws. `outOfMemory`.
  public func clone() throws(ArcuateError) -> Session {
    let copy = try plan.makeSession()
    copy.adapts = adapts
    copy.arena.adaptationRate = arena.adaptationRate
    copy.arena.stepCounts.row.copy(from: arena.stepCounts.row)
    copy.arena.state.row.copy(from: arena.state.row)
    copy.findSparseLists()
    return copy
  }

  /// Finds again what follows from the state, after it was replaced.
  private func findSparseLists() {
    for step in plan.steps { (step.node as? SparseNode)?.findLists(arena) }
  }
}
