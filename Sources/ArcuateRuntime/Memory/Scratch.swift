import ArcuateCore
import ArcuateKernels

/// Scratch of cycles that run in windows.
struct PopulationScratch {
  /// Floats and indices for each worker.
  let rows: View<Float>
  let lists: View<UInt32>
  /// Membranes that changed, for each tile of each stream.
  let changes: View<UInt64>
  /// Where workers wait for each other within a window.
  let barrier: Barrier

  /// Throws. `outOfMemory`.
  init(_ size: ArenaSize) throws(ArcuateError) {
    let floats = size.threads * size.population.scratch
    rows = try AlignedBuffer(byteCount: floats * 4).view(start: 0, count: floats)
    let flat = size.threads * size.population.flat
    lists = try AlignedBuffer(byteCount: flat * 4).view(start: 0, count: flat)
    let tiles = size.batch * size.population.tiles
    changes = try AlignedBuffer(byteCount: tiles * 8).view(start: 0, count: tiles)
    barrier = try Barrier()
  }
}

/// Scratch of rules that change weights; none of it outlives a step.
struct PlasticScratch {
  /// Factors of the rules.
  let factors: View<Float>
  /// The sides of the terms that act in this step, the end of each stream's, and a row of ones.
  let products: View<PlasticProduct>
  let productEnds: View<Int>
  let ones: View<Float>
  /// For each worker the windows of a convolution that adapts, and scratch for products with them.
  let windows: View<Float>
  let matrixProducts: [MatrixProduct]

  /// Throws. `outOfMemory`.
  init(_ size: ArenaSize) throws(ArcuateError) {
    factors = try AlignedBuffer(byteCount: size.plastic.factors * 4).view(
      start: 0, count: size.plastic.factors)
    let terms = size.batch * size.plastic.terms
    products = try AlignedBuffer(byteCount: terms * MemoryLayout<PlasticProduct>.stride).view(
      start: 0, count: terms)
    productEnds = try AlignedBuffer(byteCount: (size.batch + 1) * 8).view(
      start: 0, count: size.batch + 1)
    let wide = size.plastic.isUsed ? size.widest : 0
    ones = try AlignedBuffer(byteCount: wide * 4).view(start: 0, count: wide)
    ones.row.fill(1)
    let floats = size.threads * size.plastic.windows
    windows = try AlignedBuffer(byteCount: floats * 4).view(start: 0, count: floats)
    matrixProducts = try (0..<(floats > 0 ? size.threads : 0)).map { _ throws(ArcuateError) in
      try MatrixProduct()
    }
  }
}
