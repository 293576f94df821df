import Arcuate
import CArcuate

@c @implementation
public func arcuate_quantization_options_init(
  _ options: UnsafeMutablePointer<arcuate_quantization_options>?
) {
  options?.pointee = quantizationDefaults
}

private var quantizationDefaults: arcuate_quantization_options {
  var options = arcuate_quantization_options()
  options.struct_size = MemoryLayout<arcuate_quantization_options>.size
  options.element = ARCUATE_ELEMENT_INT8
  return options
}

private func quantization(
  _ given: arcuate_quantization_options, of model: Model
) throws -> QuantizationOptions {
  var result = QuantizationOptions()
  result.keepsFirst = try boolean(given.keep_first, "keep_first")
  result.keepsLast = try boolean(given.keep_last, "keep_last")
  result.foldsBatchNorm = try !boolean(given.keep_batch_norm, "keep_batch_norm")
  let names = try nonNegative(given.keep_count, "keep_count")
  if names > 0 {
    let keep = try required(given.keep, "keep")
    // SAFETY: the header says that there are `keep_count` names.
    for i in 0..<names { result.keep.append(try text(keep[i], "a name in keep")) }
  }
  // Checked even if there are no frames to run.
  let options = try compileOptions(given.compile)
  if try nonNegative(given.frames, "frames") > 0 {
    result.calibration = try sampleFrames(
      given.frames, given.inputs, given.input_counts, options, model)
  }
  return result
}

extension Tensor.Element: HeaderConstant {
  static var constants: ClosedRange<Int32> {
    ARCUATE_ELEMENT_FLOAT32...ARCUATE_ELEMENT_INT8
  }

  init?(c value: Int32) {
    switch value {
    case ARCUATE_ELEMENT_FLOAT32: self = .float32
    case ARCUATE_ELEMENT_BFLOAT16: self = .bfloat16
    case ARCUATE_ELEMENT_INT8: self = .int8
    default: return nil
    }
  }

  var c: arcuate_element {
    switch self {
    case .float32: ARCUATE_ELEMENT_FLOAT32
    case .bfloat16: ARCUATE_ELEMENT_BFLOAT16
    case .int8: ARCUATE_ELEMENT_INT8
    }
  }
}

@c @implementation
public func arcuate_model_quantize(
  _ model: OpaquePointer?, _ options: UnsafePointer<arcuate_quantization_options>?,
  _ quantized: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(quantized, "quantized")
    let given = try ArcuateC.options(
      options, defaults: quantizationDefaults,
      least: MemoryLayout<arcuate_quantization_options>.size,
      "options")
    let element = try Tensor.Element(c: given.element, "element")
    let (narrow, report) = try handle.model.quantized(
      to: element, try quantization(given, of: handle.model))
    result.pointee = retain(
      ModelHandle(narrow, handle.readFindings, QuantizationText(report)))
  }
}

@c @implementation
public func arcuate_model_dequantize(
  _ model: OpaquePointer?, _ dequantized: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(dequantized, "dequantized")
    result.pointee = retain(
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
  withError(nil) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(node, "node")
    let size = try statedSize(result, least: MemoryLayout<arcuate_quantized_node>.size, "node")
    guard let text = handle.quantization, text.names.indices.contains(index) else {
      throw ArcuateError(.invalidArgument, "index is out of range")
    }
    let found = text.report.nodes[index]
    result.pointee = arcuate_quantized_node(
      struct_size: size, name: text.names[index].pointer, before: found.before.c,
      after: found.after.c, weights: UInt64(clamping: found.weights),
      bytes_before: UInt64(clamping: found.bytesBefore),
      bytes_after: UInt64(clamping: found.bytesAfter),
      weight_error: found.weightError, output_error: found.outputError ?? .nan,
      uncalibrated_output_error: found.plainOutputError ?? .nan)
  }
}
