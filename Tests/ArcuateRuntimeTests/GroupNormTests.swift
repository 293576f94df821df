import Arcuate
import ArcuateTestSupport
import Testing

@Suite struct GroupNormTests {
  /// The definition, in float64, channel-first.
  static func reference(_ x: [Float], _ norm: GroupNorm) -> [Double] {
    let channels = norm.gamma.count
    let (size, positions) = (x.count / norm.groups, x.count / channels)
    let (gamma, beta) = (norm.gamma.floats, norm.beta.floats)
    return x.indices.map { i in
      let group = x[i / size * size..<(i / size + 1) * size].map(Double.init)
      let mean = group.reduce(0, +) / Double(size)
      let variance = group.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(size)
      let c = i / positions
      return (Double(x[i]) - mean) / (variance + Double(norm.epsilon)).squareRoot()
        * Double(gamma[c]) + Double(beta[c])
    }
  }

  @Test(arguments: [1, 2, 3, 6])
  func isItsDefinition(_ groups: Int) throws {
    var dice = Dice(11)
    let norm = GroupNorm(
      groups: groups, gamma: dice.tensor([6], -2, 2), beta: dice.tensor([6], -1, 1),
      epsilon: 1e-3)
    let shape: Shape = [6, 3, 4]
    // A pooling of single elements leaves values as they are, and rows channel-last.
    let same = Pooling(kind: .sum, kernel: [1, 1], stride: [1, 1])
    for ops in [[], [("p", Operator.pooling(same))]] {
      let model = Model.chain(
        [("in", .input(shape: shape))] + ops + [
          ("norm", .groupNorm(norm)), ("out", .output(shape: shape)),
        ])
      let x = dice.signal(shape.count, density: 1, spikes: false)
      let session = try model.compile().makeSession()
      let y = try session.step([x])[0]
      for (a, b) in zip(y, Self.reference(x, norm)) { #expect(abs(Double(a) - b) < 1e-5) }
    }
  }

  @Test func isWrittenReadAndListed() throws {
    var dice = Dice(12)
    let norm = GroupNorm(
      groups: 2, gamma: dice.tensor([4], -2, 2), beta: dice.tensor([4], -1, 1), epsilon: 1e-3)
    let model = Model.chain([
      ("in", .input(shape: [4, 2])), ("norm", .groupNorm(norm)), ("out", .output(shape: [4, 2])),
    ])
    #expect(try ModelFile.parse(Bytes(try SafetensorsFile.encode(model))).model == model)
    let error = #expect(throws: ArcuateError.self) { try NIRFile.encode(model) }
    #expect(error?.code == .notRepresentable)

    func list(_ groups: Int) throws -> Model {
      let text = #"{"input": [4, 2], "layers": [{"kind": "group_norm", "groups": \#(groups)}]}"#
      return try ModelFile.parse(Bytes(Array(text.utf8))).model
    }
    #expect(try list(4).nodes[1].op == .groupNorm(GroupNorm(groups: 4, channels: 4)))
    #expect(try list(3).check().checked == nil)
  }
}
