import Arcuate
import ArcuateConsole
import ArcuateKernels

/// What this machine can do at most on some number of threads, as measured by loops that do nothing
/// else; the best of several tries each.
struct Ceilings: Equatable {
  /// Where bytes are read from.
  enum Level: String, CaseIterable {
    case level1 = "L1"
    case level2 = "L2"
    case level3 = "L3"
    case dram = "DRAM"
  }

  var threads: Int
  /// Bytes a second, of floats that are read and added, in order.
  var read: [Level: Double]
  /// Bytes a second of 8 kB rows in random order from memory beyond the caches.
  var rows: Double
  /// Floating-point operations a second, on registers.
  var multiplyAdd: Double
  /// Of matrix products by OpenBLAS, by rows of the left one; empty without OpenBLAS.
  var products: [(rows: Int, flops: Double)] = []

  /// Bytes of weights a second that can be added to sums: from the first-level cache.
  var accumulate: Double { read[.level1] ?? 0 }

  static func == (a: Ceilings, b: Ceilings) -> Bool {
    a.threads == b.threads && a.read == b.read && a.rows == b.rows
      && a.multiplyAdd == b.multiplyAdd
  }
}

/// Measures ceilings.
struct CeilingMeasurement {
  private let caches: Caches
  private let loops: CeilingLoops
  private let blas = SystemBLAS()
  private static let tries = 5
  private static let rowBytes = 8192
  /// Rows in random order, none twice.
  private let order: [UInt32]

  /// Throws. `outOfMemory`.
  init(caches: Caches, seed: UInt64) throws {
    self.caches = caches
    loops = try CeilingLoops(byteCount: max(256 << 20, 4 * caches.level3))
    let random = Drawing(seed: seed)
    var order = (0..<UInt32(loops.byteCount / Self.rowBytes)).map { $0 }
    for i in order.indices.reversed() {
      order.swapAt(i, min(i, Int(random.uniform(.noise, -1, i) * Float(i + 1))))
    }
    self.order = order
  }

  /// The name of the library of products, if there is one.
  var productLibrary: String? { blas?.name }

  /// Bytes that each thread reads again and again to find the speed of a level.
  private func bytes(_ level: Ceilings.Level, threads: Int) -> Int {
    switch level {
    case .level1: caches.level1 / 2
    case .level2: caches.level2 / 2
    case .level3: caches.level3 / 2 / threads
    case .dram: loops.byteCount / threads
    }
  }

  func measure(threads: Int) throws -> Ceilings {
    var read: [Ceilings.Level: Double] = [:]
    for level in Ceilings.Level.allCases {
      // The levels that each core has for itself are read from a part for each thread, too.
      let size = bytes(level, threads: threads) & ~4095
      let passes = max(1, (threads == 1 ? 64 << 20 : 128 << 20) / size)
      let part = loops.byteCount / threads & ~4095
      let time = try best(threads) { worker in
        loops.read(start: worker * part, byteCount: min(size, part), passes: passes)
      }
      read[level] = Double(size * passes * threads) / time
    }
    let share = order.count / threads
    let rows = try best(threads) { worker in
      loops.readRows(width: Self.rowBytes, order[worker * share..<(worker + 1) * share])
    }
    let count = 1 << 20
    let arithmetic = try best(threads) { _ in CeilingLoops.multiplyAdd(count: count) }
    return Ceilings(
      threads: threads, read: read, rows: Double(share * threads * Self.rowBytes) / rows,
      multiplyAdd: Double(count * CeilingLoops.operationsPerCount * threads) / arithmetic,
      products: try products(threads))
  }

  /// The shortest time in which every thread has done its part.
  private func best(_ threads: Int, _ body: @escaping (Int) -> Float) throws -> Double {
    let sums = try AlignedBuffer(byteCount: threads * 64).view(
      Float.self, start: 0, count: threads * 16)
    let workers = try ThreadPool(threads) { sums[$0 * 16] = body($0) }
    workers.run()
    var least = Double.infinity
    for _ in 0..<Self.tries {
      let start = ContinuousClock.now
      workers.run()
      least = min(least, (ContinuousClock.now - start) / .seconds(1))
    }
    return least
  }

  private func products(_ threads: Int) throws -> [(rows: Int, flops: Double)] {
    guard let blas else { return [] }
    let (columns, inner) = (2048, 2048)
    let b = try AlignedBuffer(byteCount: columns * inner * 4).view(
      Float.self, start: 0, count: columns * inner)
    b.row.fill(1)
    return try [10, 128, 1024].map { rows in
      let a = try AlignedBuffer(byteCount: rows * inner * 4).view(
        Float.self, start: 0, count: rows * inner)
      a.row.fill(1)
      let c = try AlignedBuffer(byteCount: rows * columns * 4).view(
        Float.self, start: 0, count: rows * columns)
      var least = Double.infinity
      for attempt in 0...3 {
        let start = ContinuousClock.now
        blas.multiply(a, b, into: c, rows: rows, columns: columns, inner: inner, threads: threads)
        let time = (ContinuousClock.now - start) / .seconds(1)
        if attempt > 0 { least = min(least, time) }
      }
      return (rows, 2 * Double(rows * columns * inner) / least)
    }
  }
}
