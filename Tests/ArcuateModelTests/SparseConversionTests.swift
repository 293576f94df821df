import ArcuateCore
import ArcuateModel
import ArcuateRuntime
import Testing

@Suite struct SparseConversionTests {
  static func model(bias: Bool = false) -> Model {
    let weight = try! Tensor([0, 1, -0.25, 0, 2, 0.5], shape: [3, 2])
    return Model.chain([
      ("in", .input(shape: [2])),
      ("w", .linear(Linear(weight: weight, bias: bias ? Tensor(vector: [1, 2, 3]) : nil))),
      ("out", .output(shape: [3])),
    ])
  }

  @Test func thereAndBack() throws {
    let sparse = try Self.model().sparsified()
    #expect(sparse.nodes[1].op.kindName == "SparseLinear")
    #expect(try sparse.densified() == Self.model())
    #expect(try sparse.densified(["w"]) == Self.model())
    let input: [Float] = [0.3, -7]
    let answers = try [Self.model(), sparse].map {
      try $0.compile().makeSession().run(frames: 1, [input])[0]
    }
    #expect(answers[0] == answers[1] && answers[0] == [-7, -0.075, -2.9])
  }

  @Test func smallWeightsAreDropped() throws {
    let sparse = try Self.model().sparsified(["w"], above: 0.25)
    guard case .sparse(let listed) = sparse.nodes[1].op else {
      Issue.record("not sparse")
      return
    }
    #expect(listed.weight.floats == [2, 1, 0.5])
    #expect((0..<3).map { listed.postIndices[$0] } == [2, 0, 2])
  }

  @Test func refusals() throws {
    let biased = Self.model(bias: true)
    #expect(try biased.sparsified() == biased)
    for (model, names) in [(biased, ["w"]), (Self.model(), ["x"]), (Self.model(), ["in"])] {
      let error = #expect(throws: ArcuateError.self) { try model.sparsified(names) }
      #expect(error?.code == (names == ["x"] ? .notFound : .notRepresentable))
    }
    #expect(throws: ArcuateError.self) { try Self.model().sparsified(above: .nan) }
    var delayed = try Self.model().sparsified()
    guard case .sparse(var sparse) = delayed.nodes[1].op else { return }
    sparse.delay_s = Tensor(scalar: 1e-3)
    delayed.nodes[1].op = .sparse(sparse)
    let error = #expect(throws: ArcuateError.self) { try delayed.densified() }
    #expect(error?.code == .notRepresentable && error?.location == "node \"w\"")
  }

  /// In a cycle all delays are at least a step, or all are zero.
  @Test func cycles() throws {
    func loop(_ delays: [Float]) -> Model {
      var model = Model.chain([
        ("in", .input(shape: [2])),
        ("n", .neuron(Neuron(.integrateAndFire, threshold: Tensor(scalar: 1)))),
        ("out", .output(shape: [2])),
      ])
      model.nodes.append(
        .init(
          "s",
          .sparse(
            SparseLinear(
              post: 2, pre: 2, rowStarts: IndexArray([0, 1, 2] as [UInt32]),
              postIndices: IndexArray([1, 0] as [UInt32]), weight: Tensor(vector: [1, 1]),
              delay_s: Tensor(vector: delays)))))
      model.edges += [.init("n", "s"), .init("s", "n")]
      model.dt_s = 1e-3
      return model
    }
    let exact = loop([1e-3, 2e-3]).check()
    #expect(exact.checked?.ordering.backEdges.isEmpty == true)
    let none = loop([0, 0]).check()
    #expect(none.checked?.ordering.backEdges.count == 1)
    for delays: [Float] in [[0, 1e-3], [1e-4, 3e-3]] {
      let (checked, findings) = loop(delays).check()
      #expect(checked == nil)
      #expect(findings.contains { $0.location == "node \"s\"" && $0.message.contains("cycle") })
    }
    let error = #expect(throws: ArcuateError.self) { try loop([1e-3, 1e6]).compile() }
    #expect(error?.code == .cannotCompile && error?.location == "node \"s\"")
  }
}
