import ArcuateCore
import ArcuateFormats
import ArcuateModel
import ArcuateRuntime

/// A `.nir` file: read, checked, and if it is sound written, read again, compiled and run.
@Sendable func fuzzNIR(_ bytes: Bytes) throws {
  let (model, _) = try NIRFile.parse(bytes)
  try useModel(model)
  let again = try NIRFile.parse(Bytes(try NIRFile.encode(model))).model
  guard again.nodes.count == model.nodes.count else { fatalError("nodes were lost in writing") }
}

/// Everything that is done with a model from outside: check, compile, three steps.
func useModel(_ model: Model) throws {
  let (checked, findings) = model.check()
  guard (checked == nil) == findings.contains(where: { $0.severity == .error }) else {
    fatalError("a check without a model says why")
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
