import ArcuateKernelTypes
import ArcuateMicrokernels
import CShims

#if ARCUATE_AVX
  import ArcuateMicrokernelsAVX512
#endif

// The microkernels by the names that they have in both variants, each of which goes to the variant
// that is in use; what they need of their pointers stands beside their loops.

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
  #endif
  ArcuateMicrokernels.linearSharedBytes(
    lists: lists, listStarts: listStarts, counts: counts, weights: weights, output: y,
    offsets: offsets, rows: rows, first: first, count: count)
}

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
  #endif
  return ArcuateMicrokernels.gatherMasks(
    masks, count: count, list: list, listMasks: listMasks)
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
  #endif
  ArcuateMicrokernels.linearTiles(
    spikes, weights: weights, output: y, first: first, count: count, scratch: scratch)
}

@inline(__always)
func splitLists(
  lists: UnsafePointer<UInt32>, listStarts: UnsafePointer<Int>, counts: UnsafePointer<Int32>,
  rows: Int, inputs: Int, block: Int, splits: UnsafeMutablePointer<UInt32>, splitStride: Int
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.splitLists(
        lists: lists, listStarts: listStarts, counts: counts, rows: rows, inputs: inputs,
        block: block, splits: splits, splitStride: splitStride)
    }
  #endif
  ArcuateMicrokernels.splitLists(
    lists: lists, listStarts: listStarts, counts: counts, rows: rows, inputs: inputs, block: block,
    splits: splits, splitStride: splitStride)
}

@inline(__always)
func convolutionEvents(
  input x: UnsafePointer<Float>, list: UnsafePointer<UInt32>, listCount: Int, unit: Bool,
  weights: UnsafePointer<Float>, runs: ConvolutionRuns, output y: UnsafeMutablePointer<Float>
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.convolutionEvents(
        input: x, list: list, listCount: listCount, unit: unit, weights: weights, runs: runs,
        output: y)
    }
  #endif
  ArcuateMicrokernels.convolutionEvents(
    input: x, list: list, listCount: listCount, unit: unit, weights: weights, runs: runs, output: y)
}

@inline(__always)
func convolutionWindows(
  input x: UnsafePointer<Float>, list: UnsafePointer<UInt32>, listCount: Int, unit: Bool,
  weights: UnsafePointer<Float>, bias: UnsafePointer<Float>, windows: ConvolutionWindows,
  starts: UnsafeMutablePointer<UInt32>, output y: UnsafeMutablePointer<Float>
) -> Bool {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.convolutionWindows(
        input: x, list: list, listCount: listCount, unit: unit, weights: weights, bias: bias,
        windows: windows, starts: starts, output: y)
    }
  #endif
  return ArcuateMicrokernels.convolutionWindows(
    input: x, list: list, listCount: listCount, unit: unit, weights: weights, bias: bias,
    windows: windows, starts: starts, output: y)
}

@inline(__always)
func neuronStep(
  input x: UnsafePointer<Float>, and x2: UnsafePointer<Float>?,
  membrane: UnsafeMutablePointer<Float>,
  current: UnsafeMutablePointer<Float>, pending: UnsafeMutablePointer<Float>,
  output y: UnsafeMutablePointer<Float>?, list: UnsafeMutablePointer<UInt32>, count: Int,
  coefficients: NeuronCoefficients, flags: NeuronFlags
) -> NeuronOutcome {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.neuronStep(
        input: x, and: x2, membrane: membrane, current: current, pending: pending, output: y,
        list: list,
        count: count, coefficients: coefficients, flags: flags)
    }
  #endif
  return ArcuateMicrokernels.neuronStep(
    input: x, and: x2, membrane: membrane, current: current, pending: pending, output: y,
    list: list,
    count: count, coefficients: coefficients, flags: flags)
}

@inline(__always)
func laneProgram(
  _ code: UnsafePointer<LaneInstruction>, instructions: Int,
  bases: UnsafePointer<UnsafeMutablePointer<Float>>, output y: UnsafeMutablePointer<Float>?,
  list: UnsafeMutablePointer<UInt32>, count: Int, position: Int, tile: Int, random: LaneRandom
) -> NeuronOutcome {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.laneProgram(
        code, instructions: instructions, bases: bases, output: y, list: list, count: count,
        position: position, tile: tile, random: random)
    }
  #endif
  return ArcuateMicrokernels.laneProgram(
    code, instructions: instructions, bases: bases, output: y, list: list, count: count,
    position: position, tile: tile, random: random)
}

@inline(__always)
func neuronFire(
  membrane: UnsafeMutablePointer<Float>, output y: UnsafeMutablePointer<Float>?,
  list: UnsafeMutablePointer<UInt32>, count: Int, threshold: Float, resetValue: Float,
  flags: NeuronFlags
) -> Int {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.neuronFire(
        membrane: membrane, output: y, list: list, count: count, threshold: threshold,
        resetValue: resetValue, flags: flags)
    }
  #endif
  return ArcuateMicrokernels.neuronFire(
    membrane: membrane, output: y, list: list, count: count, threshold: threshold,
    resetValue: resetValue, flags: flags)
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
  #endif
  return ArcuateMicrokernels.listMasks(masks, count: count, list: list)
}

@inline(__always)
func ceilingRead(
  _ x: UnsafePointer<Float>, count: Int, passes: Int
) -> Float {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.ceilingRead(
        x, count: count, passes: passes)
    }
  #endif
  return ArcuateMicrokernels.ceilingRead(
    x, count: count, passes: passes)
}

@inline(__always)
func ceilingReadRows(
  _ x: UnsafePointer<Float>, width: Int, list: UnsafePointer<UInt32>, listCount: Int
) -> Float {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.ceilingReadRows(
        x, width: width, list: list, listCount: listCount)
    }
  #endif
  return ArcuateMicrokernels.ceilingReadRows(
    x, width: width, list: list, listCount: listCount)
}

@inline(__always)
func ceilingMultiplyAdd(
  _ seed: Float, count: Int
) -> Float {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.ceilingMultiplyAdd(
        seed, count: count)
    }
  #endif
  return ArcuateMicrokernels.ceilingMultiplyAdd(
    seed, count: count)
}

@inline(__always)
func populationStep(
  base: NeuronParameter, sum: UnsafeMutablePointer<Float>, membrane: UnsafeMutablePointer<Float>,
  current: UnsafeMutablePointer<Float>, list: UnsafeMutablePointer<UInt32>, position: Int,
  count: Int,
  coefficients: NeuronCoefficients, flags: NeuronFlags
) -> (changed: Int, listed: Int) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.populationStep(
        base: base, sum: sum, membrane: membrane, current: current, list: list, position: position,
        count: count, coefficients: coefficients, flags: flags)
    }
  #endif
  return ArcuateMicrokernels.populationStep(
    base: base, sum: sum, membrane: membrane, current: current, list: list, position: position,
    count: count, coefficients: coefficients, flags: flags)
}

@inline(__always)
func sparseRows(
  list: UnsafePointer<UInt32>, count: Int, known: Int, first: Int, values: UnsafePointer<Float>?,
  table: SparseTable, tile: Int, base: Int, sum: UnsafeMutablePointer<Float>
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.sparseRows(
        list: list, count: count, known: known, first: first, values: values, table: table,
        tile: tile, base: base, sum: sum)
    }
  #endif
  ArcuateMicrokernels.sparseRows(
    list: list, count: count, known: known, first: first, values: values, table: table, tile: tile,
    base: base, sum: sum)
}

@inline(__always)
func sparseRing(
  list: UnsafePointer<UInt32>, count: Int, known: Int, first: Int, values: UnsafePointer<Float>?,
  table: SparseTable, tile: Int, shift: UInt32, mask: UInt32, ring: UnsafeMutablePointer<Float>
) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return ArcuateMicrokernelsAVX512.sparseRing(
        list: list, count: count, known: known, first: first, values: values, table: table,
        tile: tile, shift: shift, mask: mask, ring: ring)
    }
  #endif
  ArcuateMicrokernels.sparseRing(
    list: list, count: count, known: known, first: first, values: values, table: table, tile: tile,
    shift: shift, mask: mask, ring: ring)
}

/// Rows and columns of a panel of the variant in use.
@inline(__always)
var productShape: (rows: Int, columns: Int) {
  #if ARCUATE_AVX
    if cshims_uses_avx512() {
      return (ArcuateMicrokernelsAVX512.productRows, ArcuateMicrokernelsAVX512.productColumns)
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
  #endif
  ArcuateMicrokernels.neuronSweep(
    emitted: emitted, tape: tape, carry: carry, currentCarry: currentCarry,
    membraneGradient: membraneGradient, inputGradient: inputGradient, adds: adds, count: count,
    coefficients: coefficients, flags: flags, surrogate: surrogate, throughReset: throughReset)
}
