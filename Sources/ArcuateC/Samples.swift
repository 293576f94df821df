import Arcuate
import CArcuate

/// The caller's frames, an array per input port, with the options of their run.
///
/// Throws. What compiling throws; `bufferSize`, `invalidArgument`.
func sampleFrames(
  _ frames: Int, _ inputs: UnsafePointer<UnsafePointer<Float>?>?, _ counts: UnsafePointer<Int>?,
  _ options: CompileOptions, _ model: Model
) throws -> SampleFrames {
  let plan = try model.compile(options)
  let inputs = try required(inputs, "inputs")
  let counts = try required(counts, "input_counts")
  guard try nonNegative(frames, "frames") <= Session.mostFrames else {
    throw ArcuateError(
      .invalidArgument, "frames must be 0 ... \(Session.mostFrames), got \(frames)")
  }
  var arrays: [[Float]] = []
  for port in plan.inputs.indices {
    try within("input \"\(plan.inputs[port].name)\"") {
      let needed = plan.inputCount(port: port, frames: frames)
      // SAFETY: the header requires a count and a pointer per port.
      guard counts[port] == needed else {
        throw ArcuateError(
          .bufferSize, "must hold \(needed) numbers, got \(UInt(bitPattern: counts[port]))")
      }
      guard let numbers = inputs[port] else {
        guard needed == 0 else { throw ArcuateError(.invalidArgument, "is NULL") }
        return arrays.append([])
      }
      // SAFETY: the caller says that there are `needed` numbers; they are copied.
      arrays.append(
        try [Float](unsafeUninitializedCapacity: needed) { copy, count in
          while count < needed {
            try Cancellation.check()
            let part = min(needed - count, 1 << 22)
            // SAFETY: both hold `needed` numbers, of which `count` are copied.
            (copy.baseAddress! + count).initialize(from: numbers + count, count: part)
            count += part
          }
        })
    }
  }
  return SampleFrames(frames: frames, inputs: arrays, options: options)
}
