/// The caller's arrays for the ports of a network, read in place.
public struct InputPorts {
  // SAFETY: the creator guarantees that `pointers[p]` holds `counts[p]` floats during use.
  private let pointers: UnsafePointer<UnsafePointer<Float>?>
  private let counts: UnsafePointer<Int>
  public let portCount: Int

  public init(
    unsafePointers: UnsafePointer<UnsafePointer<Float>?>, counts: UnsafePointer<Int>,
    portCount: Int
  ) {
    pointers = unsafePointers
    self.counts = counts
    self.portCount = portCount
  }

  public func count(_ port: Int) -> Int {
    precondition(port >= 0 && port < portCount, "a port of the network")
    return pointers[port] == nil ? 0 : counts[port]
  }

  /// Copies the `row.count` numbers from `start`.
  @inline(__always)
  public func copy(_ port: Int, from start: Int, to row: Row<Float>) {
    precondition(start >= 0 && start + row.count <= count(port), "inside the caller's array")
    if row.count > 0 {
      // SAFETY: the range lies inside the caller's array, as checked above.
      row.copy(from: UnsafeBufferPointer(start: pointers[port]! + start, count: row.count))
    }
  }

  /// The `count` numbers from `start`, in place.
  @inline(__always)
  public func numbers(_ port: Int, from start: Int, count: Int) -> UnsafeBufferPointer<Float> {
    precondition(start >= 0 && start + count <= self.count(port), "inside the caller's array")
    // SAFETY: the range lies inside the caller's array, as checked above.
    return UnsafeBufferPointer(start: pointers[port].map { $0 + start }, count: count)
  }

  /// The position of the first NaN or infinity from `start` on; nil if there is none.
  /// Throws. `canceled`.
  public func firstNotFinite(_ port: Int, from start: Int = 0) throws(ArcuateError) -> Int? {
    precondition(start >= 0 && start <= count(port), "inside the caller's array")
    guard let base = pointers[port] else { return nil }
    let n = counts[port]
    var first = start
    while first < n {
      let end = min(n, first + 1 << 22)
      // SAFETY: `base` has `n` numbers, and `end` is at most `n`.
      if !FiniteCheck.float32(UnsafeRawPointer(base + first), count: end - first) {
        return (first..<end).first { !base[$0].isFinite }
      }
      first = end
      if first < n { try Cancellation.check() }
    }
    return nil
  }

  /// Calls `body` with ports that read `arrays`.
  public static func with<R, E: Error>(
    _ arrays: [[Float]], _ body: (InputPorts) throws(E) -> R
  ) throws(E) -> R {
    // One flat copy keeps every pointer valid for the call without nesting closures.
    let flat = Array(arrays.joined())
    // SAFETY: each pointer has the count of its array in `flat`, which lives through `body`.
    return try flat.withUnsafeBufferPointer { all throws(E) in
      var start = 0
      var pointers: [UnsafePointer<Float>?] = []
      for array in arrays {
        // An empty array is not absent: it gets a non-null address.
        pointers.append((all.baseAddress ?? UnsafePointer(bitPattern: 64)!) + start)
        start += array.count
      }
      return try pointers.withUnsafeBufferPointer { pointers throws(E) in
        try (arrays.map(\.count) + [0]).withUnsafeBufferPointer { counts throws(E) in
          try withUnsafePointer(to: UnsafePointer<Float>?.none) { none throws(E) in
            try body(
              InputPorts(
                unsafePointers: pointers.baseAddress ?? none, counts: counts.baseAddress!,
                portCount: arrays.count))
          }
        }
      }
    }
  }
}

/// The caller's arrays for the outputs of a network, written in place.
public struct OutputPorts {
  // SAFETY: as for `InputPorts`; the arrays do not overlap.
  private let pointers: UnsafePointer<UnsafeMutablePointer<Float>?>?
  private let counts: UnsafePointer<Int>?
  public let portCount: Int

  public init(
    unsafePointers: UnsafePointer<UnsafeMutablePointer<Float>?>, counts: UnsafePointer<Int>,
    portCount: Int
  ) {
    pointers = unsafePointers
    self.counts = counts
    self.portCount = portCount
  }

  private init(portCount: Int) {
    pointers = nil
    counts = nil
    self.portCount = portCount
  }

  /// No outputs.
  public static func none(portCount: Int) -> OutputPorts { OutputPorts(portCount: portCount) }

  public func count(_ port: Int) -> Int {
    precondition(port >= 0 && port < portCount, "a port of the network")
    guard let pointers, let counts, pointers[port] != nil else { return 0 }
    return counts[port]
  }

  /// Whether the caller passed an array for this port.
  public func isWanted(_ port: Int) -> Bool { port < portCount && pointers?[port] != nil }

  /// Writes the numbers of `row`, times `factor`, from `start`.
  @inline(__always)
  public func write(_ port: Int, at start: Int, _ row: Row<Float>, times factor: Float = 1) {
    precondition(start >= 0 && start + row.count <= count(port), "inside the caller's array")
    let target = pointers![port]! + start
    // SAFETY: the check above, and the row's own count.
    for i in 0..<row.count { target[i] = row.pointer[i] * factor }
  }

  /// Calls `body` with ports that write arrays of `counts` numbers, and returns these.
  public static func collect<E: Error>(
    counts: [Int], _ body: (OutputPorts) throws(E) -> Void
  ) throws(E) -> [[Float]] {
    var flat = [Float](repeating: 0, count: counts.reduce(0, +) + 1)
    // SAFETY: each pointer has its count of numbers in `flat`, which lives through `body`.
    try flat.withUnsafeMutableBufferPointer { all throws(E) in
      var start = 0
      var pointers: [UnsafeMutablePointer<Float>?] = []
      for count in counts {
        pointers.append(all.baseAddress! + start)
        start += count
      }
      try (pointers + [nil]).withUnsafeBufferPointer { pointers throws(E) in
        try (counts + [0]).withUnsafeBufferPointer { sizes throws(E) in
          try body(
            OutputPorts(
              unsafePointers: pointers.baseAddress!, counts: sizes.baseAddress!,
              portCount: counts.count))
        }
      }
    }
    var start = 0
    return counts.map { count in
      defer { start += count }
      return Array(flat[start..<start + count])
    }
  }
}
