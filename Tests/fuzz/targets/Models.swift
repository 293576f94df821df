import ArcuateCore
import ArcuateFormats
import ArcuateModel
import ArcuateRuntime
import ArcuateTraining

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
  guard let checked, checked.shapes.reduce(0, { $0 + $1.count }) < 1 << 16,
    checked.model.nodes.reduce(0, { $0 + $1.op.parameterCount }) < 1 << 22
  else { return }
  var options = CompileOptions()
  options.dt_s = 1e-3
  let plan = try model.compile(options)
  guard plan.arenaByteCount < 1 << 24 else { return }
  let session = try plan.makeSession()
  let ones = plan.inputs.map { [Float](repeating: 1, count: $0.shape.count) }
  for _ in 0..<3 { _ = try session.step(ones) }
}

/// A text that is a program runs three steps of 20 neurons, and the gradients of a batch.
@Sendable func fuzzProgram(_ bytes: Bytes) throws {
  let program = try NeuronProgram(String(decoding: bytes.array, as: UTF8.self))
  var neuron = ProgramNeuron(program)
  for name in program.parameterNames where neuron.value(of: name) == nil {
    neuron.parameters[name] = Tensor(scalar: 0.75)
  }
  let shape: Shape = [20]
  var model = Model(nodes: [.init("n", .program(neuron)), .init("out", .output(shape: shape))])
  model.edges = [.init("n", "out")]
  for k in program.inputNames.indices {
    model.nodes.append(.init("in\(k)", .input(shape: shape)))
    model.edges.append(.init("in\(k)", "n"))
  }
  model.dt_s = 1e-3
  try useModel(model)
  var options = TrainingOptions()
  options.gradient.batch = 2
  options.gradient.steps = 3
  options.gradient.inputGradients = true
  options.gradient.trained = Set(program.parameterNames)
  let ones = [Float](repeating: 1, count: 40)
  let trainer = try Trainer(model, options)
  _ = try trainer.trainStep(program.inputNames.map { _ in ones }, .labels([0, 19]))
  _ = try trainer.model()
}
