import Arcuate
import CArcuate

/// The caller's frames, one array for each input port, as `options` say they are run.
/// Throws. What running them would.
func sampleFrames(
  _ frames: Int, _ inputs: UnsafePointer<UnsafePointer<Float>?>?, _ counts: UnsafePointer<Int>?,
  _ options: CompileOptions, _ model: Model
) throws -> SampleFrames {
  let plan = try model.compile(options)
  let inputs = try required(inputs, "inputs")
  let counts = try required(counts, "input_counts")
  guard try nonNegative(frames, "frames") <= Session.mostFrames else {
    throw ArcuateError(
      .invalidArgument, "frames is \(frames), not within 0 ... \(Session.mostFrames)")
  }
  var arrays: [[Float]] = []
  for port in plan.inputs.indices {
    try within("input \"\(plan.inputs[port].name)\"") {
      let needed = plan.inputCount(port: port, frames: frames)
      // SAFETY: the header says that there is a count and a pointer for each port.
      guard counts[port] == needed else {
        throw ArcuateError(
          .bufferSize, "holds \(UInt(bitPattern: counts[port])) numbers, not \(needed)")
      }
      guard let numbers = inputs[port] else {
        guard needed == 0 else { throw ArcuateError(.invalidArgument, "is NULL") }
        return arrays.append([])
      }
      // SAFETY: the caller says that there are so many numbers; they are copied.
      arrays.append(Array(UnsafeBufferPointer(start: numbers, count: needed)))
    }
  }
  return SampleFrames(frames: frames, inputs: arrays, options: options)
}
