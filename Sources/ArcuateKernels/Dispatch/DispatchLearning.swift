import ArcuateKernelTypes
import ArcuateMicrokernels
import CShims

#if ARCUATE_AVX
  import ArcuateMicrokernelsAVX512
  import ArcuateMicrokernelsBaseline
#endif

// What training needs; as Dispatch.swift.

@inline(__always)
func gatherMasks(
  _ masks: UnsafeMutablePointer<UInt32>, count: Int, list: UnsafeMutablePointer<UInt32>,
  listMasks: UnsafeMutablePointer<UInt32>
) -> Int {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.gatherMasks(
        masks, count: count, list: list, listMasks: listMasks)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.gatherMasks(
        masks, count: count, list: list, listMasks: listMasks)
    }
  #endif
  return ArcuateMicrokernels.gatherMasks(
    masks, count: count, list: list, listMasks: listMasks)
}

/// Rows and columns of a panel of the variant in use.
@inline(__always)
var productShape: (rows: Int, columns: Int) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return (ArcuateMicrokernelsAVX512.productRows, ArcuateMicrokernelsAVX512.productColumns)
    }
    if cshims_uses_baseline() {
      return (ArcuateMicrokernelsBaseline.productRows, ArcuateMicrokernelsBaseline.productColumns)
    }
  #endif
  return (ArcuateMicrokernels.productRows, ArcuateMicrokernels.productColumns)
}

@inline(__always)
func packProductRows(
  _ a: UnsafePointer<Float>, rowStride: Int, columnStride: Int, first: Int, count: Int, depth: Int,
  into packed: UnsafeMutablePointer<Float>
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.packProductRows(
        a, rowStride: rowStride, columnStride: columnStride, first: first, count: count,
        depth: depth, into: packed)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.packProductRows(
        a, rowStride: rowStride, columnStride: columnStride, first: first, count: count,
        depth: depth, into: packed)
    }
  #endif
  ArcuateMicrokernels.packProductRows(
    a, rowStride: rowStride, columnStride: columnStride, first: first, count: count, depth: depth,
    into: packed)
}

@inline(__always)
func packProductColumns(
  _ b: UnsafePointer<Float>, rowStride: Int, columnStride: Int, first: Int, count: Int, depth: Int,
  into packed: UnsafeMutablePointer<Float>
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.packProductColumns(
        b, rowStride: rowStride, columnStride: columnStride, first: first, count: count,
        depth: depth, into: packed)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.packProductColumns(
        b, rowStride: rowStride, columnStride: columnStride, first: first, count: count,
        depth: depth, into: packed)
    }
  #endif
  ArcuateMicrokernels.packProductColumns(
    b, rowStride: rowStride, columnStride: columnStride, first: first, count: count, depth: depth,
    into: packed)
}

@inline(__always)
func productTile(
  _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, depth: Int,
  c: UnsafeMutablePointer<Float>, cStride: Int, rows: Int, columns: Int, adds: Bool
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.productTile(
        a, b, depth: depth, c: c, cStride: cStride, rows: rows, columns: columns, adds: adds)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.productTile(
        a, b, depth: depth, c: c, cStride: cStride, rows: rows, columns: columns, adds: adds)
    }
  #endif
  ArcuateMicrokernels.productTile(
    a, b, depth: depth, c: c, cStride: cStride, rows: rows, columns: columns, adds: adds)
}

@inline(__always)
func gatherSums(
  source: UnsafePointer<Float>, sourceStride: Int, entries: UnsafePointer<UInt32>,
  values: UnsafePointer<Float>?, starts: UnsafePointer<UInt32>, rows: Int, blocks: Int,
  first: Int, last: Int, start: UnsafePointer<Float>?, y: UnsafeMutablePointer<Float>,
  yStride: Int, count: Int
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.gatherSums(
        source: source, sourceStride: sourceStride, entries: entries, values: values,
        starts: starts, rows: rows, blocks: blocks, first: first, last: last, start: start,
        y: y, yStride: yStride, count: count)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.gatherSums(
        source: source, sourceStride: sourceStride, entries: entries, values: values,
        starts: starts, rows: rows, blocks: blocks, first: first, last: last, start: start,
        y: y, yStride: yStride, count: count)
    }
  #endif
  ArcuateMicrokernels.gatherSums(
    source: source, sourceStride: sourceStride, entries: entries, values: values,
    starts: starts, rows: rows, blocks: blocks, first: first, last: last, start: start,
    y: y, yStride: yStride, count: count)
}

@inline(__always)
func neuronRecord(
  input x: UnsafePointer<Float>, tape: NeuronTape, count: Int, coefficients: NeuronCoefficients,
  flags: NeuronFlags
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.neuronRecord(
        input: x, tape: tape, count: count, coefficients: coefficients, flags: flags)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.neuronRecord(
        input: x, tape: tape, count: count, coefficients: coefficients, flags: flags)
    }
  #endif
  ArcuateMicrokernels.neuronRecord(
    input: x, tape: tape, count: count, coefficients: coefficients, flags: flags)
}

@inline(__always)
func neuronSweep(
  emitted: UnsafePointer<Float>, tape: NeuronTape, carry: UnsafeMutablePointer<Float>,
  currentCarry: UnsafeMutablePointer<Float>, membraneGradient: UnsafeMutablePointer<Float>,
  inputGradient: UnsafeMutablePointer<Float>, adds: Bool, count: Int,
  coefficients: NeuronCoefficients, flags: NeuronFlags, surrogate: SurrogateShape,
  throughReset: Bool
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.neuronSweep(
        emitted: emitted, tape: tape, carry: carry, currentCarry: currentCarry,
        membraneGradient: membraneGradient, inputGradient: inputGradient, adds: adds, count: count,
        coefficients: coefficients, flags: flags, surrogate: surrogate, throughReset: throughReset)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.neuronSweep(
        emitted: emitted, tape: tape, carry: carry, currentCarry: currentCarry,
        membraneGradient: membraneGradient, inputGradient: inputGradient, adds: adds, count: count,
        coefficients: coefficients, flags: flags, surrogate: surrogate, throughReset: throughReset)
    }
  #endif
  ArcuateMicrokernels.neuronSweep(
    emitted: emitted, tape: tape, carry: carry, currentCarry: currentCarry,
    membraneGradient: membraneGradient, inputGradient: inputGradient, adds: adds, count: count,
    coefficients: coefficients, flags: flags, surrogate: surrogate, throughReset: throughReset)
}

@inline(__always)
func adamStep(
  _ weights: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
  mean: UnsafeMutablePointer<Float>, square: UnsafeMutablePointer<Float>,
  largest: UnsafeMutablePointer<Float>?, count: Int, scale: Float, root: Float, beta1: Float,
  beta2: Float, epsilon: Float, coupled: Float, shrink: Float
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.adamStep(
        weights, gradient: gradient, mean: mean, square: square, largest: largest, count: count,
        scale: scale, root: root, beta1: beta1, beta2: beta2, epsilon: epsilon, coupled: coupled,
        shrink: shrink)
    }
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.adamStep(
        weights, gradient: gradient, mean: mean, square: square, largest: largest, count: count,
        scale: scale, root: root, beta1: beta1, beta2: beta2, epsilon: epsilon, coupled: coupled,
        shrink: shrink)
    }
  #endif
  ArcuateMicrokernels.adamStep(
    weights, gradient: gradient, mean: mean, square: square, largest: largest, count: count,
    scale: scale, root: root, beta1: beta1, beta2: beta2, epsilon: epsilon, coupled: coupled,
    shrink: shrink)
}
