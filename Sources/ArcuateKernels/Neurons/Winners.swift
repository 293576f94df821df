import ArcuateCore

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
