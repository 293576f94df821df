import ArcuateCore
import ArcuateKernels
import ArcuateModel

/// Cuts connections into tiles, and sorts and copies them where they cannot stay where they are.
struct SparsePacking {
  let weights: SparseWeights

  init(_ sparse: SparseLinear, dt_s: Double, ring: Int) throws(ArcuateError) {
    let tiles = SparseWeights.tiles(sparse.post)
    let size = SparseWeights.tile(sparse.post)
    let placeCount = sparse.pre * (tiles + 1)
    // A small file may claim many elements.
    guard placeCount <= max(1 << 28, 4 * sparse.count) else {
      throw ArcuateError(
        .limitExceeded,
        "[\(sparse.post), \(sparse.pre)] would need \(placeCount) places for \(sparse.count) "
          + "connections")
    }
    let places = try AlignedBuffer(byteCount: placeCount * 4).view(
      UInt32.self, start: 0, count: placeCount)
    let fits = sparse.postIndices.element != .int64
    let isInPlace = ring == 0 && fits && SparsePacking.cut(sparse, places, tiles)
    // A factor for each connection is no factor of all.
    let isScaled = sparse.weight.element == .int8 && sparse.weight.scales.count > 1
    let element: SparseElement =
      switch sparse.weight.element {
      case .bfloat16: .bfloat16
      case .int8: isScaled ? .float32 : .int8
      case .float32: .float32
      }
    let scale = isScaled ? 1 : sparse.weight.scales.first ?? 1
    let source =
      isScaled ? try Tensor(sparse.weight.floats, shape: sparse.weight.shape) : sparse.weight
    if isInPlace {
      weights = SparseWeights(
        inputs: sparse.pre, outputs: sparse.post, positions: places,
        targets: .mapped(sparse.postIndices.bytes), weights: .mapped(source.bytes),
        element: element, scale: scale, ring: 0)
      return
    }

    let width = source.element.byteCount
    let targets = try AlignedBuffer(byteCount: sparse.count * 4)
    let values = try AlignedBuffer(byteCount: sparse.count * width)
    let newTargets = targets.view(UInt32.self, start: 0, count: sparse.count)
    let steps = try ring > 0 ? SparsePacking.steps(sparse, dt_s) : nil
    // Sorted by tile, delay and output; equal ones keep their order.
    var keys: [(key: UInt64, from: Int)] = []
    for input in 0..<sparse.pre {
      let row = sparse.row(input)
      keys.removeAll(keepingCapacity: true)
      for k in row {
        let post = sparse.postIndices[k]
        let tile = post / size
        let key =
          UInt64(tile) << 32
          | (ring > 0
            ? UInt64(steps![k]) << UInt64(SparseWeights.tileBits(sparse.post)) | UInt64(post % size)
            : UInt64(post))
        keys.append((key, k))
      }
      if !(keys.indices.dropFirst().allSatisfy { keys[$0 - 1].key <= keys[$0].key }) {
        keys.sort { ($0.key, $0.from) < ($1.key, $1.from) }
      }
      var at = row.lowerBound
      for tile in 0..<tiles {
        places[input * (tiles + 1) + tile] = UInt32(at)
        while at < row.upperBound, keys[at - row.lowerBound].key >> 32 == UInt64(tile) {
          newTargets[at] = UInt32(truncatingIfNeeded: keys[at - row.lowerBound].key)
          at += 1
        }
      }
      places[input * (tiles + 1) + tiles] = UInt32(row.upperBound)
      source.bytes.withUnsafeBytes { from in
        for (n, k) in keys.enumerated() {
          // SAFETY: both sides hold `width` bytes for each connection.
          (values.base + (row.lowerBound + n) * width).copyMemory(
            from: from.baseAddress! + k.from * width, byteCount: width)
        }
      }
    }
    weights = SparseWeights(
      inputs: sparse.pre, outputs: sparse.post, positions: places, targets: .packed(targets),
      weights: .packed(values), element: element, scale: scale, ring: ring)
  }

  /// Finds where each tile begins in each row; false if the outputs of a row do not ascend.
  /// Cost: one pass over the indices.
  private static func cut(_ sparse: SparseLinear, _ places: View<UInt32>, _ tiles: Int) -> Bool {
    let size = SparseWeights.tile(sparse.post)
    return sparse.postIndices.bytes.withUnsafeBytes { raw in
      for input in 0..<sparse.pre {
        let row = sparse.row(input)
        var tile = 0
        var last: UInt32 = 0
        let ends = places.row.part(input * (tiles + 1), tiles + 1)
        ends[0] = UInt32(row.lowerBound)
        for k in row {
          // SAFETY: rows lie within the list, which the check has seen; loads are unaligned.
          let post = raw.loadUnaligned(fromByteOffset: 4 &* k, as: UInt32.self)
          if post < last { return false }
          last = post
          while Int(post) >= (tile + 1) * size {
            tile += 1
            ends[tile] = UInt32(k)
          }
        }
        while tile < tiles {
          tile += 1
          ends[tile] = UInt32(row.upperBound)
        }
      }
      return true
    }
  }

  /// The delay of each connection in steps.
  private static func steps(_ sparse: SparseLinear, _ dt_s: Double) throws(ArcuateError) -> View<
    UInt32
  > {
    let steps = try AlignedBuffer(byteCount: sparse.count * 4).view(
      UInt32.self, start: 0, count: sparse.count)
    for k in 0..<sparse.count {
      steps[k] = UInt32((Double(sparse.delay_s.value(at: k)) / dt_s).rounded())
    }
    return steps
  }
}
