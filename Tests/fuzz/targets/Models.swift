import ArcuateCore
import ArcuateFormats
import ArcuateModel
import ArcuateRuntime

/// A target for every format of models.
let modelTargets: [String: @Sendable (Bytes) throws -> Void] = Dictionary(
  uniqueKeysWithValues: ModelFormat.all.map { format in
    (format.identifier, { @Sendable bytes in try fuzzModel(bytes, format) })
  })

/// A file of the format is read, checked, compiled and run; if the format is also written, writing
/// and reading again gives as many nodes.
private func fuzzModel(_ bytes: Bytes, _ format: ModelFormat) throws {
  guard format.recognizes(bytes) else { return }
  let model = try format.parse(bytes).model
  try useModel(model)
  guard format.isWritable else { return }
  let again = try format.parse(Bytes(try format.encode(model))).model
  guard again.nodes.count == model.nodes.count else { fatalError("nodes were lost in writing") }
}

/// Checks and compiles a small model, and runs three steps.
func useModel(_ model: Model) throws {
  let (checked, findings) = model.check()
  guard (checked == nil) == findings.contains(where: { $0.severity == .error }) else {
    fatalError("a check failed without an error")
  }
  guard let checked, checked.shapes.reduce(0, { $0 + $1.count }) < 1 << 16 else { return }
  var options = CompileOptions()
  options.dt_s = 1e-3
  let plan = try model.compile(options)
  guard plan.arenaByteCount < 1 << 24 else { return }
  let session = try plan.makeSession()
  let ones = plan.inputs.map { [Float](repeating: 1, count: $0.shape.count) }
  for _ in 0..<3 { _ = try session.step(ones) }
}
