import ArcuateKernelTypes
import ArcuateMicrokernels
import CShims

#if ARCUATE_AVX
  import ArcuateMicrokernelsAVX512
  import ArcuateMicrokernelsBaseline
#endif

// Products of weights and inputs, and lists of nonzeros; as Dispatch.swift.

@inline(__always)
func linearEvents(
  input x: UnsafePointer<Float>, list: UnsafePointer<UInt32>, listCount: Int, unit: Bool,
  weights: WeightMatrix, output y: UnsafeMutablePointer<Float>, first: Int, count: Int
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.linearEvents(
        input: x, list: list, listCount: listCount, unit: unit, weights: weights, output: y,
        first: first, count: count)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.linearEvents(
        input: x, list: list, listCount: listCount, unit: unit, weights: weights, output: y,
        first: first, count: count)
    }
  #endif
  ArcuateMicrokernels.linearEvents(
    input: x, list: list, listCount: listCount, unit: unit, weights: weights, output: y,
    first: first, count: count)
}

@inline(__always)
func linearDense(
  input x: UnsafePointer<Float>, xStride: Int, inputs: Int, rows: Int, weights: WeightMatrix,
  output y: UnsafeMutablePointer<Float>, yStride: Int, first: Int, count: Int, fused: Bool
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.linearDense(
        input: x, xStride: xStride, inputs: inputs, rows: rows, weights: weights, output: y,
        yStride: yStride, first: first, count: count, fused: fused)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.linearDense(
        input: x, xStride: xStride, inputs: inputs, rows: rows, weights: weights, output: y,
        yStride: yStride, first: first, count: count, fused: fused)
    }
  #endif
  ArcuateMicrokernels.linearDense(
    input: x, xStride: xStride, inputs: inputs, rows: rows, weights: weights, output: y,
    yStride: yStride, first: first, count: count, fused: fused)
}

@inline(__always)
func linearShared(
  masks: UnsafePointer<UInt32>, list: UnsafePointer<UInt32>, listCount: Int, weights: WeightMatrix,
  output y: UnsafeMutablePointer<Float>, offsets: UnsafePointer<Int>, rows: Int, first: Int,
  count: Int
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.linearShared(
        masks: masks, list: list, listCount: listCount, weights: weights, output: y,
        offsets: offsets, rows: rows, first: first, count: count)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.linearShared(
        masks: masks, list: list, listCount: listCount, weights: weights, output: y,
        offsets: offsets, rows: rows, first: first, count: count)
    }
  #endif
  ArcuateMicrokernels.linearShared(
    masks: masks, list: list, listCount: listCount, weights: weights, output: y, offsets: offsets,
    rows: rows, first: first, count: count)
}

@inline(__always)
func linearSharedBytes(
  lists: UnsafePointer<UInt32>, listStarts: UnsafePointer<Int>, counts: UnsafePointer<Int32>,
  weights: WeightMatrix, output y: UnsafeMutablePointer<Float>, offsets: UnsafePointer<Int>,
  rows: Int, first: Int, count: Int
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.linearSharedBytes(
        lists: lists, listStarts: listStarts, counts: counts, weights: weights, output: y,
        offsets: offsets, rows: rows, first: first, count: count)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.linearSharedBytes(
        lists: lists, listStarts: listStarts, counts: counts, weights: weights, output: y,
        offsets: offsets, rows: rows, first: first, count: count)
    }
  #endif
  ArcuateMicrokernels.linearSharedBytes(
    lists: lists, listStarts: listStarts, counts: counts, weights: weights, output: y,
    offsets: offsets, rows: rows, first: first, count: count)
}

@inline(__always)
func linearMany(
  _ spikes: ManySpikeRows, weights: WeightMatrix, output y: UnsafeMutablePointer<Float>, first: Int,
  count: Int, scratch: UnsafeMutableRawPointer
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.linearMany(
        spikes, weights: weights, output: y, first: first, count: count, scratch: scratch)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.linearMany(
        spikes, weights: weights, output: y, first: first, count: count, scratch: scratch)
    }
  #endif
  ArcuateMicrokernels.linearMany(
    spikes, weights: weights, output: y, first: first, count: count, scratch: scratch)
}

@inline(__always)
func linearManyBytes(
  _ spikes: ManySpikeRows, weights: WeightMatrix, output y: UnsafeMutablePointer<Float>, first: Int,
  count: Int, scratch: UnsafeMutableRawPointer
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.linearManyBytes(
        spikes, weights: weights, output: y, first: first, count: count, scratch: scratch)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.linearManyBytes(
        spikes, weights: weights, output: y, first: first, count: count, scratch: scratch)
    }
  #endif
  ArcuateMicrokernels.linearManyBytes(
    spikes, weights: weights, output: y, first: first, count: count, scratch: scratch)
}

@inline(__always)
func linearTiles(
  _ spikes: ListedSpikeRows, weights: WeightMatrix, output y: UnsafeMutablePointer<Float>,
  first: Int, count: Int, scratch: UnsafeMutableRawPointer
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.linearTiles(
        spikes, weights: weights, output: y, first: first, count: count, scratch: scratch)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.linearTiles(
        spikes, weights: weights, output: y, first: first, count: count, scratch: scratch)
    }
  #endif
  ArcuateMicrokernels.linearTiles(
    spikes, weights: weights, output: y, first: first, count: count, scratch: scratch)
}

@inline(__always)
func nonzeroList(
  _ x: UnsafePointer<Float>, count: Int, list: UnsafeMutablePointer<UInt32>
) -> (count: Int, unit: Bool) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.nonzeroList(
        x, count: count, list: list)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.nonzeroList(
        x, count: count, list: list)
    }
  #endif
  return ArcuateMicrokernels.nonzeroList(
    x, count: count, list: list)
}

@inline(__always)
func nonzeroMasks(
  _ x: UnsafePointer<Float>, count: Int, masks: UnsafeMutablePointer<UInt16>
) -> (finite: Bool, unit: Bool) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.nonzeroMasks(x, count: count, masks: masks)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.nonzeroMasks(x, count: count, masks: masks)
    }
  #endif
  return ArcuateMicrokernels.nonzeroMasks(x, count: count, masks: masks)
}

@inline(__always)
func listMasks(
  _ masks: UnsafePointer<UInt16>, count: Int, list: UnsafeMutablePointer<UInt32>
) -> Int {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.listMasks(masks, count: count, list: list)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.listMasks(masks, count: count, list: list)
    }
  #endif
  return ArcuateMicrokernels.listMasks(masks, count: count, list: list)
}
