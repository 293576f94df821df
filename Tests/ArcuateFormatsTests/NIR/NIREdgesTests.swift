import ArcuateCore
import ArcuateModel
import Testing

@testable import ArcuateFormats

@Suite struct NIREdgesTests {
  static func mended(
    _ names: [String], graph: String? = nil, _ edges: [(String, String)]
  ) -> (edges: [Model.Edge], findings: [Finding]) {
    var model = Model(
      nodes: names.map { .init($0, .scale(Tensor(scalar: 1))) },
      edges: edges.map { .init($0.0, $0.1) })
    if let graph {
      let inner = Model(nodes: [
        .init("in", .input(shape: [1])), .init("core", .scale(Tensor(scalar: 1))),
        .init("out", .output(shape: [1])),
      ])
      model.nodes.append(.init(graph, .graph(inner)))
    }
    let findings = NIREdges.repair(&model)
    return (model.edges, findings)
  }

  @Test func soundEdgesStay() {
    let (edges, findings) = Self.mended(["a", "b"], graph: "g", [("a", "g.in"), ("g/out", "b")])
    #expect(edges == [.init("a", "g.in"), .init("g/out", "b")])
    #expect(findings.isEmpty)
  }

  @Test func aRenamedNodeIsFound() {
    let (edges, findings) = Self.mended(["a", "new", "b"], [("a", "old"), ("old", "b")])
    #expect(edges == [.init("a", "new"), .init("new", "b")])
    #expect(findings.map(\.location) == ["edge \"a\" -> \"old\"", "edge \"old\" -> \"b\""])
  }

  @Test func innerNodesStandForTheirGraph() {
    let (edges, _) = Self.mended(["a", "b"], graph: "g", [("a", "core"), ("g.core", "b")])
    #expect(edges == [.init("a", "g"), .init("g", "b")])
  }

  @Test func prefixesAreAddedAndTakenOff() {
    let (edges, findings) = Self.mended(["a", "sub.b", "c"], [("x.a", "b"), ("b", "c")])
    #expect(edges == [.init("a", "sub.b"), .init("sub.b", "c")])
    #expect(findings.count == 2)
  }

  @Test func anAmbiguousSuffixIsNotGuessed() {
    let (edges, findings) = Self.mended(["a", "x.b", "y.b", "z"], [("a", "b"), ("a", "z")])
    #expect(edges == [.init("a", "z")])
    #expect(findings.map(\.message) == ["names \"b\", which is not a node: left out"])
  }

  @Test func duplicatesAreUsedOnce() {
    let (edges, findings) = Self.mended(["a", "b"], [("a", "b"), ("a", "b")])
    #expect(edges == [.init("a", "b")])
    #expect(findings.map(\.message) == ["given twice, used once"])
  }
}
