import ArcuateCore

/// The numbers of a layer of cells for one length of step; `Cell` has the equations.
public struct CellNumbers: Sendable {
  public enum Synapse: Sendable { case none, current, conductance }
  public var synapse = Synapse.none
  /// Of the input, the inhibition, the membrane, the recovery; 0 forgets at once.
  public var inputDecay: Float = 0
  public var lateralDecay: Float = 0
  public var decay: Float = 0
  public var recoveryDecay: Float = 0
  public var rest: Float = 0
  public var gain: Float = 1
  /// dt / tau of conductance synapses.
  public var rate: Float = 0
  public var excitation: Float = 0
  public var inhibition: Float = 0
  public var recovery: Float = 0
  public var lateral: Float = 0
  public var resetValue: Float = 0
  public var resets = true
  public var subtracts = false
  public var orEqual = false
  public var refractorySteps: Float = 0
  /// 0 for no limit.
  public var winners = 0
  public var silences = false
  public init() {}
}

/// The rows of one stream's cells, padded to a multiple of 16.
public struct CellRows {
  public var membrane: Row<Float>
  public var input: Row<Float>
  public var lateral: Row<Float>
  public var recovery: Row<Float>
  /// Steps that a cell stays silent.
  public var silence: Row<Float>
  /// What was compared, less the threshold.
  public var margin: Row<Float>
  /// The spikes of the step before.
  public var spikes: Row<Float>
  public init(
    membrane: Row<Float>, input: Row<Float>, lateral: Row<Float>, recovery: Row<Float>,
    silence: Row<Float>, margin: Row<Float>, spikes: Row<Float>
  ) {
    self.membrane = membrane
    self.input = input
    self.lateral = lateral
    self.recovery = recovery
    self.silence = silence
    self.margin = margin
    self.spikes = spikes
  }
  public static let count = 7
}

public final class CellLayer: Sendable {
  public let count: Int
  public let numbers: CellNumbers
  private let threshold: View<Float>

  /// `threshold` has one element or `count`. Throws. `outOfMemory`.
  public init(count: Int, numbers: CellNumbers, threshold: [Float]) throws(ArcuateError) {
    precondition(threshold.count == 1 || threshold.count == count, "sizes agree")
    self.count = count
    self.numbers = numbers
    self.threshold = try View.packed(
      threshold.count == count ? threshold : [Float](repeating: threshold[0], count: count))
  }

  public var byteCount: Int { threshold.count * 4 }

  /// Advances the cells by one step. The output is 1 for a spike.
  public func step(input x: Row<Float>, theta: Row<Float>, rows: CellRows, output y: Row<Float>) {
    let n = numbers
    precondition(
      x.count >= count && theta.count >= count && y.count >= count
        && rows.membrane.count >= count && rows.margin.count >= count
        && rows.silence.count >= count && rows.spikes.count >= count
        && rows.input.count >= count && rows.lateral.count >= count
        && rows.recovery.count >= count, "buffer too small for the cells")
    // SAFETY: every row has `count` elements at least, and so has the threshold.
    let (v, g, h) = (rows.membrane.pointer, rows.input.pointer, rows.lateral.pointer)
    let (r, silence, margin) = (rows.recovery.pointer, rows.silence.pointer, rows.margin.pointer)
    let (last, level) = (rows.spikes.pointer, threshold.pointer)
    if n.lateral != 0 || n.lateralDecay != 0 {
      var sum: Float = 0
      for i in 0..<count { sum += last[i] }
      if sum != 0 {
        for i in 0..<count { h[i] = n.lateralDecay * h[i] + n.lateral * (sum - last[i]) }
      } else {
        for i in 0..<count { h[i] = n.lateralDecay * h[i] }
      }
    }
    if n.recovery != 0 {
      for i in 0..<count { r[i] = n.recoveryDecay * r[i] - n.recovery * last[i] }
    }
    switch n.synapse {
    case .none:
      for i in 0..<count {
        g[i] = n.inputDecay * g[i] + x.pointer[i]
        v[i] = g[i] - h[i]
      }
    case .current:
      for i in 0..<count {
        g[i] = n.inputDecay * g[i] + x.pointer[i]
        v[i] = n.rest + n.decay * (v[i] - n.rest) + n.gain * (g[i] - h[i])
      }
    case .conductance:
      for i in 0..<count {
        g[i] = n.inputDecay * g[i] + x.pointer[i]
        let leak = n.rest - v[i]
        let drive = g[i] * (n.excitation - v[i]) + h[i] * (n.inhibition - v[i])
        v[i] = v[i] + n.rate * (leak + drive)
      }
    }
    if n.refractorySteps > 0 {
      for i in 0..<count {
        v[i] = silence[i] > 0 ? n.resetValue : v[i]
      }
    }
    var fired: UInt32 = 0
    for i in 0..<count {
      let difference = v[i] + r[i] - (level[i] + theta.pointer[i])
      margin[i] = difference
      let above: Bool = n.orEqual ? difference >= 0 : difference > 0
      let spike: Float = above && silence[i] <= 0 ? 1 : 0
      y.pointer[i] = spike
      fired |= spike.bitPattern
    }
    if n.refractorySteps > 0 {
      for i in 0..<count { silence[i] = silence[i] > 0 ? silence[i] - 1 : 0 }
    }
    if fired != 0 { settle(theta: theta, rows, y) }
    for i in 0..<count { last[i] = y.pointer[i] }
  }

  /// What spikes do, once it is known that there are any.
  private func settle(theta: Row<Float>, _ rows: CellRows, _ y: Row<Float>) {
    let n = numbers
    if n.winners > 0 { keepWinners(n.winners, rows.margin, y) }
    for i in 0..<count {
      if y.pointer[i] != 0 {
        if n.resets {
          rows.membrane.pointer[i] = n.resetValue
        } else if n.subtracts {
          rows.membrane.pointer[i] -= threshold.pointer[i] + theta.pointer[i] - n.resetValue
        }
        rows.silence.pointer[i] = n.refractorySteps
      } else if n.silences {
        rows.membrane.pointer[i] = n.rest
        rows.input.pointer[i] = 0
      }
    }
  }

  /// Takes spikes away until `most` are left: those furthest above the threshold, the first of
  /// equals.
  private func keepWinners(_ most: Int, _ margin: Row<Float>, _ y: Row<Float>) {
    var left = 0
    for i in 0..<count where y.pointer[i] != 0 { left += 1 }
    while left > most {
      // The last of the smallest goes.
      var worst = -1
      for i in 0..<count where y.pointer[i] != 0 {
        if worst < 0 || margin.pointer[i] <= margin.pointer[worst] { worst = i }
      }
      y.pointer[worst] = 0
      left -= 1
    }
  }
}

extension Elementwise {
  /// The `most` largest of the positive elements, the first of equals; 0 elsewhere.
  /// Needs. `scratch` has space for `count`.
  public static func winners(
    _ x: Row<Float>, most: Int, into y: Row<Float>, count: Int, scratch: Row<Float>
  ) {
    precondition(
      most >= 1 && count >= 0 && x.count >= count && y.count >= count && scratch.count >= count,
      "buffer too small for the rows")
    var positive = 0
    for i in 0..<count where x.pointer[i] > 0 {
      scratch.pointer[positive] = x.pointer[i]
      positive += 1
    }
    guard positive > most else {
      for i in 0..<count { y.pointer[i] = x.pointer[i] > 0 ? x.pointer[i] : 0 }
      return
    }
    // The `most`-th largest, by parts that shrink.
    let s = scratch.pointer
    var (low, high, target) = (0, positive - 1, most - 1)
    while low < high {
      let pivot = s[(low + high) / 2]
      var (i, j) = (low, high)
      while i <= j {
        while s[i] > pivot { i += 1 }
        while s[j] < pivot { j -= 1 }
        if i <= j {
          (s[i], s[j]) = (s[j], s[i])
          i += 1
          j -= 1
        }
      }
      if target <= j {
        high = j
      } else if target >= i {
        low = i
      } else {
        break
      }
    }
    let level = s[target]
    target = 0
    for i in 0..<count where x.pointer[i] > level { target += 1 }
    var equals = most - target
    for i in 0..<count {
      let value = x.pointer[i]
      if value > level {
        y.pointer[i] = value
      } else if value == level && equals > 0 {
        y.pointer[i] = value
        equals -= 1
      } else {
        y.pointer[i] = 0
      }
    }
  }
}
