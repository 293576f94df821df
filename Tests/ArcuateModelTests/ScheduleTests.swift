import ArcuateCore
import ArcuateModel
import Testing

@Suite struct ScheduleTests {
  private func matrix(_ post: Int, _ pre: Int) throws -> Tensor {
    .filled(1, shape: try Shape([post, pre]))
  }

  private func shape(_ count: Int) throws -> Shape { try Shape([count]) }

  private var lif: Operator {
    .neuron(Neuron(.lif, tauMembrane: Tensor(scalar: 1), threshold: Tensor(scalar: 1)))
  }

  private func recurrent() throws -> CheckedModel {
    var model = Model.chain([
      ("in", .input(shape: try shape(2))), ("w", .linear(Linear(weight: try matrix(2, 2)))),
      ("n", lif), ("out", .output(shape: try shape(2))),
    ])
    model.nodes.append(.init("back", .linear(Linear(weight: try matrix(2, 2)))))
    model.edges += [.init("n", "back"), .init("back", "n")]
    return try model.soundly()
  }

  @Test func groupsCoverTheOrderAndCyclesAreOneGroup() throws {
    let checked = try recurrent()
    let schedule = checked.schedule(isInputHeld: false, dt_s: 1e-3)
    #expect(schedule.order.sorted() == Array(0..<5))
    #expect(schedule.groups.flatMap { Array($0.nodes) } == Array(0..<5))
    let cyclic = schedule.groups.filter(\.isCyclic)
    #expect(cyclic.count == 1)
    #expect(Set(cyclic.flatMap { schedule.order[$0.nodes] }) == [2, 4])
    #expect(schedule.isCyclic(2) && schedule.isCyclic(4) && !schedule.isCyclic(1))
    #expect(schedule.backEdges == checked.ordering.backEdges)
    #expect(schedule.backEdges.map { checked.edges[$0].source } == [4])
    #expect(schedule.period == [1, 1, 1, 1, 1])
  }

  @Test func onlyWhatDependsOnHeldInputAloneIsConstant() throws {
    let checked = try recurrent()
    #expect(!checked.schedule(isInputHeld: false, dt_s: 1e-3).isConstant.contains(true))
    #expect(
      checked.schedule(isInputHeld: true, dt_s: 1e-3).isConstant
        == [true, true, false, false, false])
  }

  @Test func memoryEndsConstancy() throws {
    func constant(_ op: Operator, dt_s: Double? = 1e-3) throws -> Bool {
      let model = Model.chain([
        ("in", .input(shape: try Shape([1, 2, 2]))), ("n", op),
        ("out", .output(shape: try Shape([1, 2, 2]))),
      ])
      return try model.soundly().schedule(isInputHeld: true, dt_s: dt_s).isConstant[1]
    }
    #expect(try constant(.scale(Tensor(scalar: 2))))
    #expect(try constant(.plastic(.winners(count: 1))))
    #expect(try !constant(.delay(Tensor(scalar: 1e-3))))
    #expect(try !constant(.encoder(.rate(gain: 1))))
    #expect(try !constant(.decoder(.mean)))
    #expect(try !constant(.plastic(.trace(Trace(tau_s: 1)))))
    func pooling(_ kind: Pooling.Kind) -> Operator {
      .pooling(Pooling(kind: kind, kernel: [1, 1], stride: [1, 1]))
    }
    #expect(try constant(pooling(.maximum)))
    #expect(try !constant(pooling(.spikeMaximum)))
  }

  /// Inference and training differ in these two parameters.
  @Test func nodesWithoutInputAreConstantOnlyWhereAsked() throws {
    var model = Model.chain([
      ("in", .input(shape: try shape(2))), ("out", .output(shape: try shape(2))),
    ])
    model.nodes.append(.init("bias", .linear(Linear(weight: try matrix(2, 3)))))
    model.edges.append(.init("bias", "out"))
    let checked = try model.soundly()
    #expect(checked.schedule(isInputHeld: true, dt_s: nil).isConstant == [true, true, true])
    #expect(
      checked.schedule(isInputHeld: true, dt_s: nil, unfedIsConstant: false).isConstant
        == [true, false, false])
  }

  @Test func rulesJoinTheirNodesIntoACycleOnlyWhereAsked() throws {
    let rule = PlasticRule(post: "n", [.init(.step, pre: .value, post: .value, rate: 1)])
    let plastic = PlasticLinear(
      weight: try matrix(2, 2), alpha: Tensor(scalar: 1), rule: rule)
    let checked = try Model.chain([
      ("in", .input(shape: try shape(2))), ("w", .plastic(.linear(plastic))),
      ("n", .activation(.tanh)), ("out", .output(shape: try shape(2))),
    ]).soundly()
    let plain = checked.schedule(isInputHeld: false, dt_s: nil)
    #expect(plain.groups.count == 4 && !plain.groups.contains { $0.isCyclic })
    let joined = checked.schedule(isInputHeld: false, dt_s: nil, rulesJoinCycles: true)
    #expect(joined.order == [0, 1, 2, 3])
    #expect(joined.groups.map(\.isCyclic) == [false, true, false])
    #expect(joined.backEdges.isEmpty)
  }
}
