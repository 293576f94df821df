import ArcuateCore
import ArcuateKernelTypes

/// A layer of neurons whose step is a program: instructions, constants and parameters, ready for the
/// kernel.
public final class ProgramLayer: Sendable {
  /// What follows a run of instructions that goes tile by tile.
  public enum Ending: Sendable {
    /// The end of the step.
    case step
    /// The `count` largest numbers of a wide row become true in another.
    case winners(of: Int, into: Int, count: Int)
    /// The sum of a wide row fills another.
    case total(of: Int, into: Int)
  }

  /// Instructions that go tile by tile.
  public struct Part: Sendable {
    public var instructions: [LaneInstruction]
    public var ending: Ending

    public init(_ instructions: [LaneInstruction], ending: Ending) {
      self.instructions = instructions
      self.ending = ending
    }
  }

  /// What a step emits.
  public enum Output: Sendable {
    case nothing, values
    /// Spikes, which are listed.
    case spikes
  }

  /// The rows that a layer has.
  public struct Sizes: Sendable {
    public var inputs = 1
    public var states = 0
    /// Of a tile, and of the whole layer.
    public var scratchRows = 0
    public var wideRows = 0
    /// Whether the number of spikes of the step before is read.
    public var countsSpikes = false

    public init() {}

    /// Neurons of a tile: as many as let all its rows stay in the first-level cache.
    public var tile: Int {
      // What is read and written of a neuron, an output among it, for 48 KiB: most of it is read
      // once, and instructions take as long to begin as for a few vectors.
      let rows = inputs + states + scratchRows + wideRows + 1
      var tile = LaneProgram.largestTile
      while tile > LaneProgram.tile, tile * rows > 12288 { tile /= 2 }
      return tile
    }
  }

  public let count: Int
  public let sizes: Sizes
  public let output: Output
  private let tile: Int
  private let code: View<UInt64>
  private let parts: [(first: Int, count: Int, ending: Ending)]
  private let constants: View<Float>
  private let parameters: View<Float>
  /// Floats of a row of the layer.
  public var stride: Int { (count + 15) & ~15 }

  /// `constants` are single numbers, `parameters` rows of `count`; both hold the bits of float32 or
  /// int32.
  ///
  /// Needs. Operands within these rows and `sizes`; checked.
  /// Throws. `outOfMemory`.
  public init(
    count: Int, sizes: Sizes, output: Output, parts: [Part], constants: [UInt32],
    parameters: [[UInt32]]
  ) throws(ArcuateError) {
    self.count = count
    self.sizes = sizes
    self.output = output
    tile = sizes.tile
    let stride = (count + 15) & ~15
    self.constants = try View.packed(
      constants.flatMap { [Float](repeating: Float(bitPattern: $0), count: 16) })
    let rows = try AlignedBuffer(byteCount: max(1, parameters.count) * stride * 4).view(
      Float.self, start: 0, count: parameters.count * stride)
    for (k, parameter) in parameters.enumerated() {
      for (n, bits) in parameter.enumerated() { rows[k * stride + n] = Float(bitPattern: bits) }
    }
    self.parameters = rows
    let all = parts.flatMap(\.instructions)
    let words = MemoryLayout<LaneInstruction>.stride / 8
    code = try AlignedBuffer(byteCount: max(1, all.count) * words * 8).view(
      start: 0, count: all.count * words)
    var first = 0
    self.parts = parts.map { part in
      defer { first += part.instructions.count }
      return (first, part.instructions.count, part.ending)
    }
    for (k, instruction) in all.enumerated() {
      for operand in [
        instruction.target, instruction.a, instruction.b, instruction.c, instruction.d,
        instruction.e,
      ] {
        precondition(
          limit(operand.base, constants.count, parameters.count) >= (Int(operand.offset) << 4)
            && operand.offset >= 0, "operands inside their rows")
      }
      // SAFETY: the buffer has `words` words for each instruction.
      UnsafeMutableRawPointer(code.pointer + k * words).storeBytes(
        of: instruction, as: LaneInstruction.self)
    }
  }

  /// The last offset, in floats, that an operand of a base may have.
  private func limit(_ base: Int32, _ constants: Int, _ parameters: Int) -> Int {
    switch base {
    // An operand that is not used is constant 0.
    case LaneOperand.constants: max(0, (constants - 1) * 16)
    case LaneOperand.parameters: (parameters - 1) * stride
    case LaneOperand.states: (sizes.states - 1) * stride
    case LaneOperand.scratch: (sizes.scratchRows - 1) * tile
    case LaneOperand.rows: (sizes.wideRows - 1) * stride
    case LaneOperand.shared: sizes.countsSpikes ? 0 : -1
    default: base - LaneOperand.inputs < Int32(sizes.inputs) ? 0 : -1
    }
  }

  public var byteCount: Int {
    code.count * 8 + (constants.count + parameters.count) * 4
  }

  /// Floats that a stream keeps: the states, and sixteen copies of how many neurons spiked.
  public var stateCount: Int { sizes.states * stride + (sizes.countsSpikes ? 16 : 0) }

  /// Floats of scratch for each thread.
  public var scratchCount: Int {
    sizes.scratchRows * tile + sizes.wideRows * stride
  }

  /// One step of one stream; says how many neurons changed their membrane and what was listed.
  ///
  /// Shapes. Rows of `stride`; `state` has `stateCount` floats and `scratch` `scratchCount`; `list` may
  /// be empty if nothing is listed. Spikes need no output: the list says who spiked.
  @inline(__always)
  public func step(
    inputs: (Int) -> Row<Float>, state: Row<Float>, scratch: Row<Float>, output: Row<Float>?,
    list: Row<UInt32>, random: LaneRandom
  ) -> (changed: Int, nonzero: NonzeroCount) {
    let outcome = run(
      0..<count, inputs: inputs, state: state, scratch: scratch, output: output, list: list,
      position: 0, random: random)
    let found = NonzeroCount(count: outcome.listed, unit: outcome.unit)
    if sizes.countsSpikes {
      let spikes = output.map { row in
        (0..<outcome.listed).reduce(0 as Float) { $0 + row[Int(list[$1])] }
      }
      state.part(sizes.states * stride, 16).fill(spikes ?? Float(outcome.listed))
    }
    return (outcome.changed, found)
  }

  /// Whether some neurons can go through several steps before others do.
  public var isLocal: Bool { parts.count == 1 && !sizes.countsSpikes }

  /// One step of a range of neurons that emit spikes; list entries are `position` plus the index in the
  /// range.
  ///
  /// Shapes. Inputs and the list have one element per neuron, padded to a multiple of 16.
  /// Needs. `isLocal`; neurons from a multiple of 16 on; checked.
  @inline(__always)
  public func step(
    _ neurons: Range<Int>, inputs: (Int) -> Row<Float>, state: Row<Float>, scratch: Row<Float>,
    list: Row<UInt32>, position: Int, random: LaneRandom
  ) -> (changed: Int, spikes: Int) {
    precondition(
      isLocal && output == .spikes && neurons.lowerBound & 15 == 0 && neurons.lowerBound >= 0
        && neurons.upperBound <= count, "neurons of the layer")
    var random = random
    random.first = UInt32(truncatingIfNeeded: neurons.lowerBound)
    let outcome = run(
      neurons, inputs: inputs, state: state, scratch: scratch, output: nil, list: list,
      position: position, random: random)
    return (outcome.changed, outcome.listed)
  }

  @inline(__always)
  private func run(
    _ neurons: Range<Int>, inputs: (Int) -> Row<Float>, state: Row<Float>, scratch: Row<Float>,
    output: Row<Float>?, list: Row<UInt32>, position: Int, random: LaneRandom
  ) -> NeuronOutcome {
    let (first, count) = (neurons.lowerBound, neurons.count)
    let padded = (count + 15) & ~15
    precondition(
      state.count >= stateCount && scratch.count >= scratchCount
        && output.map { $0.count >= padded } ?? (self.output != .values)
        && (self.output != .spikes || list.count >= padded),
      "rows as long as the layer needs")
    // SAFETY: every base has as many rows as `init` checked that operands ask for, and the neurons
    // from `first` on lie inside them.
    return withUnsafeTemporaryAllocation(
      of: UnsafeMutablePointer<Float>.self, capacity: LaneProgram.baseCount
    ) { bases in
      let wide = scratch.pointer + sizes.scratchRows * tile
      bases[0] = constants.pointer
      bases[1] = parameters.pointer + first
      bases[2] = state.pointer + first
      bases[3] = scratch.pointer
      bases[4] = wide + first
      bases[5] = state.pointer + sizes.states * stride
      for k in 0..<sizes.inputs {
        let row = inputs(k)
        precondition(row.count >= padded, "inputs padded to 16")
        bases[6 + k] = row.pointer
      }
      let words = MemoryLayout<LaneInstruction>.stride / 8
      var outcome = NeuronOutcome(changed: 0, listed: 0, unit: true)
      for part in parts {
        // SAFETY: `init` stored an instruction at each `words` words.
        let code = UnsafeRawPointer(self.code.pointer + part.first * words)
        let done = laneProgram(
          code.assumingMemoryBound(to: LaneInstruction.self), instructions: part.count,
          bases: bases.baseAddress!, output: output?.pointer, list: list.pointer, count: count,
          position: position, tile: tile, random: random)
        outcome.changed &+= done.changed
        if done.listed > 0 { (outcome.listed, outcome.unit) = (done.listed, done.unit) }
        switch part.ending {
        case .step: break
        case .winners(let score, let target, let most):
          ProgramLayer.findWinners(
            wide + score * stride, into: wide + target * stride, count: count, most: most)
        case .total(let row, let target):
          // In the order of the neurons, which no instruction set changes.
          var sum: Float = 0
          for n in 0..<count { sum += wide[row * stride + n] }
          for n in 0..<stride { wide[target * stride + n] = sum }
        }
      }
      if count & 15 != 0 { clearPadding(state) }
      return outcome
    }
  }

  /// Lanes behind the last neuron must stay silent.
  private func clearPadding(_ state: Row<Float>) {
    for k in 0..<sizes.states {
      for n in count..<stride { state[k * stride + n] = 0 }
    }
  }

  /// True, which is -1, for the `most` largest of `scores`, of equal ones the first.
  ///
  /// Needs. `count` numbers at both addresses.
  private static func findWinners(
    _ scores: UnsafeMutablePointer<Float>, into winners: UnsafeMutablePointer<Float>, count: Int,
    most: Int
  ) {
    let yes = Float(bitPattern: .max)
    for n in 0..<count { winners[n] = 0 }
    for _ in 0..<min(most, count) {
      var best = -1
      for n in 0..<count where winners[n].bitPattern == 0 && !scores[n].isNaN {
        if best < 0 || scores[n] > scores[best] { best = n }
      }
      if best < 0 { return }
      winners[best] = yes
    }
  }
}
