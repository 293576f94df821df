import ArcuateCore
import ArcuateModel

/// Tensors and texts by name, in a `.safetensors` file without a graph.
package struct NamedTensors {
  package var texts: [String: String] = [:]
  package var tensors: [String: Tensor] = [:]

  package init() {}

  /// Throws. `unsupportedFormat` for a file of another format, which is not a `kind`; `cannotOpen`, `truncated`, `malformed`, `unsupportedFormat`, `limitExceeded`.
  package init(path: String, called kind: String) throws(ArcuateError) {
    let bytes = try Files.read(path)
    guard SafetensorsContainer.recognizes(bytes) else {
      throw ArcuateError(.unsupportedFormat, "is not \(kind)", at: path)
    }
    let container = try within(path) { () throws(ArcuateError) in try SafetensorsContainer(bytes) }
    texts = container.metadata
    for (name, entry) in container.entries {
      tensors[name] = try within(path) { () throws(ArcuateError) in
        try within("tensor \"\(name.prefix(200))\"") { () throws(ArcuateError) in
          try entry.tensor().tensor
        }
      }
    }
  }

  /// Writes the file, whole or not at all. Throws. `cannotWrite`, `limitExceeded`, `canceled`.
  package func write(to path: String) throws(ArcuateError) {
    var container = SafetensorsContainer()
    container.metadata = texts
    for (name, tensor) in tensors {
      container.entries[name] = .init(
        type: tensor.element.rawValue, shape: tensor.shape, bytes: tensor.bytes)
    }
    let writer = try ByteWriter(path)
    try container.write(to: writer)
    try ByteWriter.finish([writer])
  }
}

extension Model {
  /// What the network is without its numbers: the graph as the file would have it.
  package func outline() throws(ArcuateError) -> String {
    var writer = SafetensorsWriter()
    return String(
      decoding: JSON.object(try writer.graph(self, path: "", depth: 0)).text, as: UTF8.self)
  }
}
