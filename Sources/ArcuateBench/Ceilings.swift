import Arcuate
import ArcuateConsole
import ArcuateKernels

/// The limits of this machine with a number of threads, each the best of several runs of a loop that
/// does nothing else.
struct Ceilings: Equatable {
  /// The memory that bytes are read from.
  enum Level: String, CaseIterable {
    case level1 = "L1"
    case level2 = "L2"
    case level3 = "L3"
    case dram = "DRAM"
  }

  var threads: Int
  /// Bytes per second of floats that are read in order and summed.
  var read: [Level: Double]
  /// Bytes per second of 8 kB rows in random order, from memory beyond the caches.
  var rows: Double
  /// Floating-point operations per second, on registers.
  var multiplyAdd: Double
  /// Matrix products of OpenBLAS, by rows of the left matrix; empty without OpenBLAS.
  var products: [(rows: Int, flops: Double)] = []

  /// Bytes of weights per second that can be added to sums: the speed of the first-level cache.
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
  /// All rows in random order.
  private let order: [UInt32]

  /// Throws. `outOfMemory`.
  init(caches: Caches, seed: UInt64) throws {
    self.caches = caches
    loops = try CeilingLoops(byteCount: max(256 << 20, 4 * caches.level3))
    let random = RandomSource(seed: seed)
    var order = (0..<UInt32(loops.byteCount / Self.rowBytes)).map { $0 }
    for i in order.indices.reversed() {
      order.swapAt(i, min(i, Int(random.uniform(.noise, -1, i) * Float(i + 1))))
    }
    self.order = order
  }

  /// The name of the matrix-product library, if one is installed.
  var productLibrary: String? { blas?.name }

  /// Bytes that each thread reads repeatedly to measure a level.
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
      // Each thread reads its own part, also for levels shared by all cores.
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

  /// The shortest time in which all threads finished.
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
