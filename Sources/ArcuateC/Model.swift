import Arcuate
import CArcuate

@c @implementation
public func arcuate_read_options_init(_ options: UnsafeMutablePointer<arcuate_read_options>?) {
  options?.pointee = readDefaults
}

private var readDefaults: arcuate_read_options {
  arcuate_read_options(
    struct_size: MemoryLayout<arcuate_read_options>.size, strict: 0, preset: nil,
    dt_s: 0)
}

private func readOptions(
  _ pointer: UnsafePointer<arcuate_read_options>?
) throws -> ReadOptions {
  let given = try options(
    pointer, defaults: readDefaults, least: MemoryLayout<arcuate_read_options>.size, "options")
  var result = ReadOptions()
  result.strict = try boolean(given.strict, "strict")
  if given.preset != nil {
    result.preset = try NeuronSemantics(preset: try text(given.preset, "options->preset"))
  }
  if given.dt_s != 0 { result.dt_s = given.dt_s }
  return result
}

private func open(
  _ model: UnsafeMutablePointer<OpaquePointer?>?,
  _ read: () throws -> (model: Model, findings: [Finding])
) throws {
  let result = try required(model, "model")
  Instructions.settle()
  let (model, findings) = try read()
  let handle = ModelHandle(model, findings)
  for finding in findings {
    FindingText(finding).log()
  }
  result.pointee = retain(handle)
}

extension Finding.Severity {
  var level: Log.Level {
    switch self {
    case .note: .note
    case .repair: .repair
    case .error: .error
    }
  }
}

@c @implementation
public func arcuate_model_open(
  _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<arcuate_read_options>?,
  _ model: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let path = try text(path, "path")
    let options = try readOptions(options)
    try open(model) { try ModelFile.read(path, options) }
  }
}

@c @implementation
public func arcuate_model_from_memory(
  _ data: UnsafeRawPointer?, _ size: Int, _ options: UnsafePointer<arcuate_read_options>?,
  _ model: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let data = try required(data, "data")
    let size = try nonNegative(size, "size")
    let options = try readOptions(options)
    try open(model) {
      // SAFETY: the caller says there are `size` bytes; they are copied.
      let bytes = try Bytes(allocating: UnsafeRawBufferPointer(start: data, count: size))
      return try within("memory") { try ModelFile.parse(bytes, options) }
    }
  }
}

@c @implementation
public func arcuate_model_save(
  _ model: OpaquePointer?, _ path: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    try ModelFile.write(handle.model, to: try text(path, "path"))
  }
}

@c @implementation
public func arcuate_model_copy(_ model: OpaquePointer?) -> OpaquePointer? {
  object(ModelHandle.self, model).map {
    retain(ModelHandle($0.model, $0.readFindings, $0.quantization, $0.conversion))
  }
}

@c @implementation
public func arcuate_model_free(_ model: OpaquePointer?) { release(ModelHandle.self, model) }

@c @implementation
public func arcuate_model_set_semantics(
  _ model: OpaquePointer?, _ field: UnsafePointer<CChar>?, _ value: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    var semantics = handle.model.semantics
    try semantics.set(try text(field, "field"), to: try text(value, "value"))
    handle.setSemantics(semantics)
  }
}

@c @implementation
public func arcuate_model_fold_batch_norm(
  _ model: OpaquePointer?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    handle.replace(try handle.model.foldingBatchNorm())
  }
}

@c @implementation
public func arcuate_model_dt(_ model: OpaquePointer?) -> Double {
  object(ModelHandle.self, model)?.model.dt_s ?? 0
}

@c @implementation
public func arcuate_model_metadata_number(
  _ model: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ otherwise: Double
) -> Double {
  guard let handle = object(ModelHandle.self, model), let name = try? text(name, "name") else {
    return otherwise
  }
  return handle.model.metadataNumber(name) ?? otherwise
}

@c @implementation
public func arcuate_model_node_count(_ model: OpaquePointer?) -> Int {
  object(ModelHandle.self, model)?.nodes.count ?? 0
}

private func node(_ model: OpaquePointer?, _ index: Int) -> (name: Text, kind: Text)? {
  guard let nodes = object(ModelHandle.self, model)?.nodes, nodes.indices.contains(index) else {
    return nil
  }
  return nodes[index]
}

@c @implementation
public func arcuate_model_node_name(_ model: OpaquePointer?, _ index: Int) -> UnsafePointer<CChar>?
{
  node(model, index)?.name.pointer
}

@c @implementation
public func arcuate_model_node_kind(_ model: OpaquePointer?, _ index: Int) -> UnsafePointer<CChar>?
{
  node(model, index)?.kind.pointer
}
