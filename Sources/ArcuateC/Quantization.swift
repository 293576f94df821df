import Arcuate
import CArcuate

@c @implementation
public func arcuate_quantize_options_init(
  _ options: UnsafeMutablePointer<arcuate_quantize_options>?
) {
  options?.pointee = quantizeDefaults
}

private var quantizeDefaults: arcuate_quantize_options {
  var options = arcuate_quantize_options()
  options.struct_size = MemoryLayout<arcuate_quantize_options>.size
  options.element = ARCUATE_ELEMENT_INT8
  return options
}

/// A truth value. Throws. `invalidArgument` for what is neither 0 nor 1.
private func truth(_ value: Int32, _ name: StaticString) throws -> Bool {
  guard value == 0 || value == 1 else {
    throw ArcuateError(.invalidArgument, "\(name) is \(value), not within 0 ... 1")
  }
  return value == 1
}

private func quantization(
  _ given: arcuate_quantize_options, of model: Model
) throws -> Quantization {
  var result = Quantization()
  result.keepsFirst = try truth(given.keep_first, "keep_first")
  result.keepsLast = try truth(given.keep_last, "keep_last")
  result.foldsBatchNorm = try !truth(given.keep_batch_norm, "keep_batch_norm")
  let names = try held(given.keep_count, "keep_count")
  if names > 0 {
    let keep = try required(given.keep, "keep")
    // SAFETY: the header says that there are `keep_count` names.
    for i in 0..<names { result.keep.append(try text(keep[i], "a name in keep")) }
  }
  // Options of a run that does not take place are checked, too.
  let options = try compileOptions(given.compile)
  if try held(given.frames, "frames") > 0 {
    result.calibration = try sample(given, options, model)
  }
  return result
}

/// The caller's frames. Throws. What running them would.
private func sample(
  _ given: arcuate_quantize_options, _ options: CompileOptions, _ model: Model
) throws -> SampleFrames {
  let plan = try model.compile(options)
  let inputs = try required(given.inputs, "inputs")
  let counts = try required(given.input_counts, "input_counts")
  guard given.frames <= Session.mostFrames else {
    throw ArcuateError(
      .invalidArgument, "frames is \(given.frames), not within 0 ... \(Session.mostFrames)")
  }
  var arrays: [[Float]] = []
  for port in plan.inputs.indices {
    try within("input \"\(plan.inputs[port].name)\"") {
      let needed = plan.inputCount(port: port, frames: given.frames)
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
  return SampleFrames(frames: given.frames, inputs: arrays, options: options)
}

extension Tensor.Element {
  /// The header's number for it.
  fileprivate var number: Int32 {
    switch self {
    case .float32: ARCUATE_ELEMENT_FLOAT32
    case .bfloat16: ARCUATE_ELEMENT_BFLOAT16
    case .int8: ARCUATE_ELEMENT_INT8
    }
  }
}

@c @implementation
public func arcuate_model_quantize(
  _ model: OpaquePointer?, _ options: UnsafePointer<arcuate_quantize_options>?,
  _ quantized: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(quantized, "quantized")
    let given = try ArcuateC.options(
      options, defaults: quantizeDefaults, least: MemoryLayout<arcuate_quantize_options>.size,
      "options")
    // The header lists the elements in the order of the cases.
    let element = try choice(given.element, "element", Tensor.Element.self)
    let (narrow, report) = try handle.model.quantized(
      to: element, try quantization(given, of: handle.model))
    result.pointee = handOut(
      ModelHandle(narrow, handle.readFindings, QuantizationText(report)))
  }
}

@c @implementation
public func arcuate_model_dequantize(
  _ model: OpaquePointer?, _ dequantized: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(dequantized, "dequantized")
    result.pointee = handOut(
      ModelHandle(try handle.model.dequantized(), handle.readFindings))
  }
}

@c @implementation
public func arcuate_model_quantization(_ model: OpaquePointer?) -> UnsafePointer<CChar>? {
  object(ModelHandle.self, model)?.quantization?.table.pointer
}

@c @implementation
public func arcuate_model_quantized_count(_ model: OpaquePointer?) -> Int {
  object(ModelHandle.self, model)?.quantization?.names.count ?? 0
}

@c @implementation
public func arcuate_model_quantized_node(
  _ model: OpaquePointer?, _ index: Int, _ node: UnsafeMutablePointer<arcuate_quantized_node>?
) -> arcuate_status {
  answering(nil) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(node, "node")
    // SAFETY: the struct begins with its size.
    let size = UnsafeRawPointer(result).load(as: Int.self)
    guard let text = handle.quantization, text.names.indices.contains(index),
      (MemoryLayout<arcuate_quantized_node>.size...4096).contains(size)
    else { throw ArcuateError(.invalidArgument, "index or struct_size is out of range") }
    let found = text.report.nodes[index]
    result.pointee = arcuate_quantized_node(
      struct_size: size, name: text.names[index].pointer, before: found.before.number,
      after: found.after.number, weights: UInt64(found.weights),
      bytes_before: UInt64(found.bytesBefore), bytes_after: UInt64(found.bytesAfter),
      weight_error: found.weightError, output_error: found.outputError ?? .nan,
      uncalibrated_output_error: found.plainOutputError ?? .nan)
  }
}
