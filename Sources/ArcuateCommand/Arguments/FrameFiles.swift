import Arcuate
import ArcuateConsole
import ArcuateData

/// Frames from NumPy files, one for each input port: [frames, shape] or [frames, batch, shape].
struct FrameFiles {
  let paths: [String]
  let arrays: [NumpyArray]

  var frames: Int { arrays.first?.extents.first ?? 0 }

  /// Throws. As reading does; `malformed` for a value that is not finite.
  init(_ paths: [String]) throws {
    self.paths = paths
    arrays = try paths.map { path in
      let array = try NumpyArray.read(path)
      if let i = array.values.firstIndex(where: { !$0.isFinite }) {
        let index = array.position(of: i)
        throw ArcuateError(
          .malformed, "frame \(index.first ?? 0) is not finite, at \(index)", at: path)
      }
      return array
    }
  }

  /// The options for running the model on these frames, and whether the frames have a batch axis.
  ///
  /// If the model has errors, the files are not checked: compiling reports the errors.
  /// Throws. `invalidArgument` for a wrong number of files, `shapeMismatch` naming the file, and what
  /// `compiling` throws, naming `path`, the model's file.
  func options(
    for model: Model, at path: String, _ compiling: CompileArguments
  ) throws -> (options: CompileOptions, hasBatch: Bool) {
    var options = try within(path) { try compiling.options(for: model) }
    var hasBatch = false
    guard let checked = model.check().checked else { return (options, hasBatch) }
    guard arrays.count == checked.inputs.count else {
      let names = checked.inputs.map { "\"\(checked.model.nodes[$0].name)\"" }
        .joined(separator: ", ")
      throw ArcuateError(
        .invalidArgument,
        "expected one file for each input port (\(names)), got \(arrays.count)", at: path)
    }
    for (port, array) in arrays.enumerated() {
      let shape = checked.shapes[checked.inputs[port]]
      let extents = array.extents
      let isPlain = extents.count == shape.rank + 1 && Array(extents.dropFirst()) == shape.extents
      let isBatched =
        extents.count == shape.rank + 2 && Array(extents.dropFirst(2)) == shape.extents
      guard isPlain && options.batch == 1 || isBatched else {
        throw ArcuateError(
          .shapeMismatch,
          "expected [frames, \(shape)] or [frames, batch, \(shape)], got \(extents)",
          at: paths[port])
      }
      if isBatched {
        guard !hasBatch || options.batch == extents[1],
          (compiling.batch ?? extents[1]) == extents[1]
        else {
          throw ArcuateError(
            .shapeMismatch, "expected \(options.batch) streams, got \(extents[1])", at: paths[port])
        }
        hasBatch = true
        options.batch = extents[1]
      }
      guard extents[0] == frames else {
        throw ArcuateError(
          .shapeMismatch, "has \(extents[0]) frames, but the first input has \(frames)",
          at: paths[port])
      }
    }
    for (port, array) in arrays.enumerated() where hasBatch && options.batch > 1 {
      guard array.extents.count == checked.shapes[checked.inputs[port]].rank + 2 else {
        throw ArcuateError(.shapeMismatch, "has no batch axis", at: paths[port])
      }
    }
    return (options, hasBatch)
  }

  /// The frames with the options for running them. Throws. As `options`.
  func sample(
    for model: Model, at path: String, _ compiling: CompileArguments
  ) throws -> SampleFrames {
    SampleFrames(
      frames: frames, inputs: arrays.map(\.values),
      options: try options(for: model, at: path, compiling).options)
  }
}
