import ArcuateCore

/// What gradients of fast weights are made of, row by row. Sums are made in the order of the rows.
public enum FastWeightLoops {
  // SAFETY: every loop stays below the smallest count of its rows.

  /// y += x (w + alpha h).
  public static func apply(
    _ w: Row<Float>, alpha: Row<Float>, fast h: Row<Float>, times x: Float, to y: Row<Float>
  ) {
    let count = min(w.count, alpha.count, h.count, y.count)
    for i in 0..<count {
      y.pointer[i] += x * (w.pointer[i] + alpha.pointer[i] * h.pointer[i])
    }
  }

  /// The sum of g (w + alpha h).
  public static func dot(
    _ g: Row<Float>, _ w: Row<Float>, alpha: Row<Float>, fast h: Row<Float>
  ) -> Float {
    let count = min(g.count, w.count, alpha.count, h.count)
    var sum: Float = 0
    for i in 0..<count {
      sum += g.pointer[i] * (w.pointer[i] + alpha.pointer[i] * h.pointer[i])
    }
    return sum
  }

  /// The sum of g h.
  public static func dot(_ g: Row<Float>, _ h: Row<Float>) -> Float {
    var sum: Float = 0
    for i in 0..<min(g.count, h.count) { sum += g.pointer[i] * h.pointer[i] }
    return sum
  }

  /// d = x g a, or d += x g a.
  public static func multiply(
    _ g: Row<Float>, by a: Row<Float>, times x: Float, into d: Row<Float>, adds: Bool
  ) {
    let count = min(g.count, a.count, d.count)
    for i in 0..<count {
      let value = x * g.pointer[i] * a.pointer[i]
      d.pointer[i] = adds ? d.pointer[i] + value : value
    }
  }
}
