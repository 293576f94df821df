import ArcuateKernelTypes
import ArcuateMicrokernels
import CShims

#if ARCUATE_AVX
  import ArcuateMicrokernelsAVX512
  import ArcuateMicrokernelsBaseline
#endif

// The microkernels by the names that they have in every variant, each of which goes to the variant
// that is in use; what they need of their pointers stands beside their loops.

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
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.splitLists(
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
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.convolutionEvents(
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
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.convolutionWindows(
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
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.neuronStep(
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
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.laneProgram(
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
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.neuronFire(
        membrane: membrane, output: y, list: list, count: count, threshold: threshold,
        resetValue: resetValue, flags: flags)
    }
  #endif
  return ArcuateMicrokernels.neuronFire(
    membrane: membrane, output: y, list: list, count: count, threshold: threshold,
    resetValue: resetValue, flags: flags)
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
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.ceilingRead(
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
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.ceilingReadRows(
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
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.ceilingMultiplyAdd(
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
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.populationStep(
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
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.sparseRows(
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
    if cshims_uses_baseline() {
      return ArcuateMicrokernelsBaseline.sparseRing(
        list: list, count: count, known: known, first: first, values: values, table: table,
        tile: tile, shift: shift, mask: mask, ring: ring)
    }
  #endif
  ArcuateMicrokernels.sparseRing(
    list: list, count: count, known: known, first: first, values: values, table: table, tile: tile,
    shift: shift, mask: mask, ring: ring)
}
