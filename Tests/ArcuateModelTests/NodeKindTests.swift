import ArcuateCore
import ArcuateModel
import Testing

@Suite struct NodeKindTests {
  private func names<Kind: NodeKind>(_: Kind.Type) -> [(
    form: String, nir: [String], layer: String?
  )] {
    Kind.forms.map { ($0.name, $0.nirNames, $0.layer?.name) }
  }

  private var all: [(form: String, nir: [String], layer: String?)] {
    (Operator.kinds + PlasticNode.kinds).flatMap { names($0) }
  }

  @Test func namesAreUnique() {
    #expect(Set(all.map(\.form)).count == all.count)
    let nir = all.flatMap(\.nir)
    #expect(Set(nir).count == nir.count)
    let layers = all.compactMap(\.layer)
    #expect(Set(layers).count == layers.count)
  }

  @Test func namesLeadToTheirKinds() {
    for (form, nir, layer) in all {
      #expect(NodeNames.all.forms[form] != nil)
      for name in nir { #expect(NodeNames.all.nir[name] != nil) }
      if let layer { #expect(NodeNames.all.layers[layer] != nil) }
    }
  }

  /// The nodes of NIR 1.0.
  @Test func allKindsOfNIRAreKnown() {
    let known = Set(all.flatMap(\.nir))
    #expect(
      known == [
        "Input", "Output", "Linear", "Affine", "Scale", "Conv1d", "Conv2d", "SumPool2d",
        "AvgPool2d", "Flatten", "Delay", "Threshold", "Spike", "I", "IF", "LI", "LIF", "CubaLI",
        "CubaLIF", "NIRGraph",
      ])
  }

  private func fields<Kind: NodeKind>(_: Kind.Type) -> [(form: String, fields: [String])] {
    Kind.forms.map { ($0.name, $0.fields.map(\.name)) }
  }

  @Test func fieldsOfAFormHaveDifferentNames() {
    for (form, fields) in (Operator.kinds + PlasticNode.kinds).flatMap({ fields($0) }) {
      #expect(Set(fields).count == fields.count, "\(form)")
    }
  }

  /// A model that is checked once and then applied gives what a check of the changed model gives.
  @Test func applyingSemanticsEqualsAnotherCheck() throws {
    let lif = Operator.neuron(
      Neuron(.lif, tauMembrane: Tensor(vector: [1, 1]), threshold: Tensor(scalar: 1)))
    let matrix = Operator.linear(Linear(weight: .filled(1, shape: [2, 2])))
    var model = Model.chain([
      ("in", .input(shape: [2])), ("n", lif), ("out", .output(shape: [2, 1])),
    ])
    model.nodes.append(.init("back", matrix))
    model.edges += [.init("n", "back"), .init("back", "n")]
    let checked = try model.soundly()
    #expect(checked.findings == model.check().findings)
    for preset in NeuronSemantics.Preset.allCases {
      let applied = try checked.applying(semantics: NeuronSemantics(preset), dt_s: 1e-3)
      model.semantics = NeuronSemantics(preset)
      model.dt_s = 1e-3
      let (fresh, findings) = model.check()
      #expect(applied.findings == findings)
      #expect(applied.model == fresh?.model)
      #expect(applied.signals == fresh?.signals)
      #expect(applied.ordering.order == fresh?.ordering.order)
      #expect(applied.ordering.backEdges == fresh?.ordering.backEdges)
    }
    #expect(throws: ArcuateError.self) { try checked.applying(semantics: nil, dt_s: -1) }
  }
}
