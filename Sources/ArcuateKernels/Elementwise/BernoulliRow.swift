import ArcuateCore
import CShims

extension Elementwise {
  /// mask[i] = 0 where `random.uniform` says less than `share` for index `first` + i, else `kept`.
  public static func drop(
    _ share: Float, kept: Float, random: CounterRandom, stream: UInt32, step: UInt64,
    first: UInt32, into mask: Row<Float>
  ) {
    let lanes = SIMD8<UInt32>(0, 1, 2, 3, 4, 5, 6, 7)
    var i = 0
    while i < mask.count {
      let index = lanes &+ (first &+ UInt32(truncatingIfNeeded: i))
      let draws = cshims_uniform(index, step, stream, random.key0, random.key1)
      for k in 0..<min(8, mask.count - i) { mask.pointer[i + k] = draws[k] < share ? 0 : kept }
      i += 8
    }
  }

  /// output = 1 with probability clamp(gain x, 0, 1) where `list` says that x is not 0; 0
  /// elsewhere. Signed, a negative x gives -1 with probability clamp(-gain x, 0, 1).
  ///
  /// What `random.uniform` says for each of the elements, eight at a time.
  /// Needs. `list` has the ascending positions of the elements of `input` that are not 0.
  public static func bernoulli(
    _ input: Row<Float>, list: Row<UInt32>, listCount: Int, gain: Float, isSigned: Bool,
    random: CounterRandom, stream: UInt32, step: UInt64, into output: Row<Float>
  ) {
    precondition(listCount >= 0 && listCount <= list.count, "scratch for the list")
    output.fill(0)
    var e = 0
    while e < listCount {
      var index = SIMD8<UInt32>.zero
      let here = min(8, listCount - e)
      for k in 0..<here { index[k] = list.pointer[e + k] }
      let draws = cshims_uniform(index, step, stream, random.key0, random.key1)
      for k in 0..<here {
        let i = Int(index[k])
        let chance = gain * input[i]
        if draws[k] < chance {
          output[i] = 1
        } else if isSigned && draws[k] < -chance {
          output[i] = -1
        }
      }
      e += 8
    }
  }
}
