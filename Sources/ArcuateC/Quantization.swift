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
    result.calibration = try sampleFrames(
      given.frames, given.inputs, given.input_counts, options, model)
  }
  return result
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
