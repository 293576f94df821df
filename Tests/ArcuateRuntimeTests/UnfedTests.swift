import Arcuate
import Testing

/// Nodes that nothing feeds, and nodes without elements, which the check calls sound: each was found
/// by `SoundModelTests` or in a file that ended the process.
@Suite struct UnfedTests {
  private static func neuron(_ count: Int) -> Operator {
    let one = Tensor(vector: [Float](repeating: 1, count: count))
    return .neuron(Neuron(.lif, tauMembrane: one, threshold: one))
  }

  private static func run(_ model: Model, threads: Int = 2) throws -> [[Float]] {
    var options = CompileOptions()
    options.threads = threads
    options.alwaysStages = true
    let session = try model.compile(options).makeSession()
    return try session.run(
      frames: 3, session.plan.inputs.map { [Float](repeating: 1, count: 3 * $0.shape.count) })
  }

  @Test(arguments: [1, 2, 5]) func twoNeuronsThatNothingFeedsRunOnSilence(threads: Int) throws {
    var model = Model(
      nodes: [
        .init("in", .input(shape: [2])), .init("a", Self.neuron(2)),
        .init("out", .output(shape: [2])), .init("b", Self.neuron(2)),
      ], edges: [.init("a", "out"), .init("b", "out")])
    model.dt_s = 1e-3
    #expect(try Self.run(model, threads: threads) == [[0, 0, 0, 0, 0, 0]])
  }

  @Test func aNestedGraphWithoutEdgesRunsOnSilence() throws {
    let inner = Model(nodes: [
      .init("in", .input(shape: [2])), .init("lif", Self.neuron(2)),
      .init("out", .output(shape: [2])),
    ])
    var model = Model.chain([
      ("in", .input(shape: [2])), ("g", .graph(inner)), ("out", .output(shape: [2])),
    ])
    model.dt_s = 1e-3
    let (checked, findings) = model.check()
    if checked == nil {
      #expect(findings.contains { $0.severity == .error })
    } else {
      #expect(try Self.run(model) == [[0, 0, 0, 0, 0, 0]])
    }
  }

  /// Silence had the shape of the output, which did not fit the weights.
  @Test func weightsThatNothingFeedsTrain() throws {
    func ones(_ shape: Shape) -> Tensor { .filled(0.5, shape: shape) }
    let kinds: [Operator] = [
      .gru(GRU(inputWeight: ones([6, 4]), hiddenWeight: ones([6, 2]))),
      .linear(Linear(weight: ones([2, 4]), bias: ones([2]))),
    ]
    for op in kinds {
      var model = Model(
        nodes: [
          .init("in", .input(shape: [3])), .init("w", op), .init("out", .output(shape: [2])),
        ], edges: [.init("w", "out")])
      model.dt_s = 1e-3
      let trainer = try Trainer(model, TrainingOptions())
      let result = try trainer.trainStep([[1, 2, 3]], .labels([0]))
      #expect(result.loss.isFinite)
    }
  }

  @Test func weightsOverNoElementsBecomeNarrow() throws {
    let empty = try Tensor([], shape: [3, 0])
    let model = Model.chain([
      ("in", .input(shape: [0])),
      ("w", .linear(Linear(weight: empty, bias: Tensor(vector: [1, 2, 3])))),
      ("out", .output(shape: [3])),
    ])
    let narrow = try model.quantized(to: .int8).model
    #expect(try Self.run(narrow) == [[1, 2, 3, 1, 2, 3, 1, 2, 3]])
  }

  @Test func neuronsWithoutElementsRun() throws {
    let none = try Tensor([], shape: [0])
    var model = Model.chain([
      ("in", .input(shape: [0])),
      ("n", .neuron(Neuron(.li, tauMembrane: Tensor(vector: [0.01]), resistance: none))),
      ("out", .output(shape: [0])),
    ])
    model.dt_s = 1e-3
    #expect(try Self.run(model) == [[]])
    let error = #expect(throws: ArcuateError.self) { try Trainer(model, TrainingOptions()) }
    #expect(error?.message == "output 0 has no elements to compare with a target")
  }

  @Test func aProjectionOfNoInputsHasNoInputToSample() {
    let model = Model.chain([
      ("in", .input(shape: [0])),
      ("p", .plastic(.projection(Projection(post: 2, pre: 0, seed: 1, amplitude: 1, fanIn: 1)))),
      ("out", .output(shape: [2])),
    ])
    #expect(model.check().findings.contains { $0.severity == .error })
  }
}
