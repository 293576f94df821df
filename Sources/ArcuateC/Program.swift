import Arcuate
import CArcuate

@c @implementation
public func arcuate_model_set_program(
  _ model: OpaquePointer?, _ node: UnsafePointer<CChar>?, _ program: UnsafePointer<CChar>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let node = try text(node, "node")
    var changed = handle.model
    try changed.setProgram(try text(program, "program"), of: node)
    handle.replace(changed)
  }
}

@c @implementation
public func arcuate_model_program(
  _ model: OpaquePointer?, _ node: UnsafePointer<CChar>?
) -> UnsafePointer<CChar>? {
  guard let handle = object(ModelHandle.self, model), let node = try? text(node, "node") else {
    return nil
  }
  return handle.programs[node]?.pointer
}

@c @implementation
public func arcuate_model_set_parameter(
  _ model: OpaquePointer?, _ node: UnsafePointer<CChar>?, _ name: UnsafePointer<CChar>?,
  _ values: UnsafePointer<Float>?, _ count: Int, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let node = try text(node, "node")
    let name = try text(name, "name")
    let values = try required(values, "values")
    let count = try nonNegative(count, "count")
    var changed = handle.model
    // SAFETY: the caller says that there are `count` numbers. They are read if the node has as many
    // neurons.
    try changed.setParameter(
      name, of: node, to: UnsafeBufferPointer(start: values, count: count))
    handle.replace(changed)
  }
}

/// The programs of the library as strings of C, by name.
private let libraryPrograms: [(name: Text, text: Text)] = ProgramLibrary.names.compactMap { name in
  (try? ProgramLibrary.text(name)).map { (Text(name), Text($0)) }
}

@c @implementation
public func arcuate_library_program_name(_ index: Int) -> UnsafePointer<CChar>? {
  libraryPrograms.indices.contains(index) ? libraryPrograms[index].name.pointer : nil
}

@c @implementation
public func arcuate_library_program(_ name: UnsafePointer<CChar>?) -> UnsafePointer<CChar>? {
  guard let name = try? text(name, "name"), let index = ProgramLibrary.names.firstIndex(of: name)
  else { return nil }
  return libraryPrograms[index].text.pointer
}
