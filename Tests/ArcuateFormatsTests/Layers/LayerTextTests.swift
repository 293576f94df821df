import Arcuate
import Testing

/// A network from a list of layers.
private func network(_ layers: String, input: String = "[6]", seed: UInt64 = 1) throws -> Model {
  let text = "{\"input\": \(input), \"seed\": \(seed), \"layers\": [\(layers)]}"
  return try ModelFile.parse(Bytes(Array(text.utf8))).model
}

private let small = """
  {"kind": "linear", "name": "a", "size": 12}, {"kind": "batch_norm", "name": "norm"},
  {"kind": "lif", "name": "n", "beta": 0.9}, {"kind": "linear", "name": "b", "size": 3},
  {"kind": "li", "name": "o", "beta": 0.9}
  """

@Suite struct LayerTextTests {
  @Test func weightsBeginAsTheirSeedSays() throws {
    let one = try network(small, seed: 1)
    #expect(one == (try network(small, seed: 1)))
    #expect(one != (try network(small, seed: 2)))
    guard case .linear(let a)? = one["a"]?.op, case .linear(let b)? = one["b"]?.op else {
      Issue.record("no weights")
      return
    }
    // Uniform within 1 / sqrt(inputs).
    let bound = 1 / Float(6).squareRoot()
    #expect(a.weight.floats.allSatisfy { abs($0) <= bound })
    #expect((a.weight.floats.map(abs).max() ?? 0) > 0.8 * bound)
    #expect(Array(a.weight.floats.prefix(3)) != Array(b.weight.floats.prefix(3)))
  }

  @Test(arguments: [
    "", "{", "{}", "[]", "{\"input\": [4]}", "{\"input\": [], \"layers\": 3}",
    "{\"input\": [-1], \"layers\": []}", "{\"input\": [0, 4], \"layers\": []}",
    "{\"input\": [1099511627776], \"layers\": []}", "{\"input\": [4], \"layers\": [{}]}",
    "{\"input\": [4], \"layers\": [{\"kind\": \"magic\"}]}",
    "{\"input\": [4], \"layers\": [{\"kind\": \"linear\"}]}",
    "{\"input\": [4], \"layers\": [{\"kind\": \"linear\", \"size\": 0}]}",
    "{\"input\": [4], \"layers\": [{\"kind\": \"linear\", \"size\": 268435456}]}",
    "{\"input\": [4], \"layers\": [{\"kind\": \"linear\", \"size\": 9223372036854775807}]}",
    "{\"input\": [4], \"layers\": [{\"kind\": \"linear\", \"size\": 2, \"colour\": 1}]}",
    "{\"input\": [4], \"layers\": [{\"kind\": \"relu\", \"name\": \"input\"}]}",
    "{\"input\": [4, 4], \"layers\": [{\"kind\": \"linear\", \"size\": 2}]}",
    "{\"input\": [4], \"layers\": [{\"kind\": \"convolution\", \"channels\": 1, \"kernel\": 1}]}",
    "{\"input\": [1, 4, 4], \"layers\": [{\"kind\": \"convolution\", \"channels\": 9, \"kernel\": 9}]}",
    "{\"input\": [1, 4, 4], \"layers\": [{\"kind\": \"sum_pooling\", \"kernel\": [2, 2, 2]}]}",
    "{\"input\": [4], \"layers\": [{\"kind\": \"lif\", \"beta\": 1}]}",
    "{\"input\": [4], \"layers\": [{\"kind\": \"lif\"}]}",
    "{\"input\": [4], \"layers\": [{\"kind\": \"relu\", \"recurrent\": true}]}",
    "{\"input\": [4], \"layers\": [{\"kind\": \"gru\"}]}",
    "{\"input\": [4], \"layers\": [{\"kind\": \"gru\", \"size\": 0}]}",
    "{\"input\": [4], \"layers\": [{\"kind\": \"group_norm\", \"groups\": 0}]}",
    "{\"input\": [4], \"layers\": [], \"seed\": -1}",
    "{\"input\": [4], \"layers\": [], \"dt_s\": 0}",
    "{\"input\": [4], \"layers\": [], \"initial\": \"zero\"}",
    "{\"input\": [4], \"layers\": [], \"semantics\": {\"reset\": \"never\"}}",
  ])
  func whatCannotBeIsRefused(_ text: String) {
    #expect(throws: ArcuateError.self) { try ModelFile.parse(Bytes(Array(text.utf8))) }
  }

  @Test func aGRUHasTheWeightsOfItsThreeGates() throws {
    let model = try network(#"{"kind": "gru", "name": "g", "size": 4}"#)
    guard case .gru(let gru)? = model["g"]?.op else {
      Issue.record("no GRU")
      return
    }
    #expect(gru.inputWeight.shape.extents == [12, 6] && gru.hiddenWeight.shape.extents == [12, 4])
    #expect(gru.inputBias?.count == 12 && gru.hiddenBias?.count == 12)
    // As PyTorch initializes them, the weights of a unit stay within 1 / sqrt(its inputs).
    #expect(gru.hiddenWeight.floats.allSatisfy { abs($0) <= 0.5 })
  }

  private func refusal(_ layer: String, input: String = "[6]") -> String? {
    do {
      _ = try network(layer, input: input)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func parametersOfAProgramAreOneNumberOrOneForEachNeuron() throws {
    let model = try network(
      #"""
      {"kind": "neuron", "name": "a", "program": "parameter d = 3\nvalue = b * x + c * d", "b": 2,
       "c": [[1, 2, 3], [4, 5, 6]], "seed": 9},
      {"kind": "neuron", "name": "w", "program": "parameter d = 3\nvalue = b * x * d", "b": 2,
       "per_neuron": true}
      """#, input: "[2, 3]")
    let a = try model.program(of: "a")
    #expect(a.parameters.mapValues(\.floats) == ["b": [2], "c": [1, 2, 3, 4, 5, 6]])
    #expect(a.parameters["c"]?.shape == [2, 3] && a.seed == 9)
    let w = try model.program(of: "w")
    #expect(w.parameters["b"] == .filled(2, shape: [2, 3]))
    #expect(w.parameters["d"] == .filled(3, shape: [2, 3]))

    let start = #"{"kind": "neuron", "name": "n", "program": "#
    for (rest, words) in [
      (#""value = b * x"}"#, "program: line 1, column 9: the parameter \"b\" has no value"),
      (#""value = b * x", "b": [1, 2]}"#, "b has 2 numbers for 6 neurons"),
      (#""value = b * x", "b": [1, 2, 3, 4, 5, "x"]}"#, "b: is a string, not a number"),
      (#""value = b * x", "b": [1, 2, 3, 4, 5, "nan"]}"#, "b is not finite"),
      (#""value = b * x", "b": 1, "c": 1}"#, "unknown field \"c\""),
      (#""value = seed * x", "seed": 1}"#, "program: line 1, column 9: a layer cannot state"),
      (#""value = b @ x"}"#, "program: line 1, column 11: unexpected"),
      (#""input a, b\nvalue = a"}"#, "2 inputs (a, b), but 1 edge leads to it"),
    ] {
      let found = refusal(start + rest) ?? "nothing"
      #expect(found.contains(words), "\(found)")
    }
  }

  @Test func programsAreRecurrentAsOtherNeuronsAre() throws {
    let text = #"{"kind": "neuron", "name": "n", "program": "spike = x > 1", "recurrent": true}"#
    let model = try network(text)
    #expect(model.edges.contains(.init("n", "n recurrent")))
    #expect(model.check().checked != nil)
    #expect(refusal(text, input: "[2, 3]")?.contains("one axis") == true)
  }

  /// Parameters of each neuron were not counted: 9 tensors of 2^28 numbers for each layer.
  @Test func parametersAreCountedBeforeTheyAreMade() {
    for (input, layers) in [
      ("[268435456]", "{\"kind\": \"lif\", \"beta\": 0.5, \"per_neuron\": true}"),
      ("[200000000]", "{\"kind\": \"batch_norm\"}"),
      ("[200000000]", "{\"kind\": \"group_norm\", \"groups\": 1}"),
    ] {
      let error = #expect(throws: ArcuateError.self) { try network(layers, input: input) }
      #expect(error?.code == .limitExceeded && error?.message.contains("in total") == true)
    }
  }

  @Test func aWordInPlaceOfNumbersIsQuoted() {
    let convolution =
      "{\"kind\": \"convolution\", \"channels\": 1, \"kernel\": 1, \"padding\": \"full\"}"
    let error = #expect(throws: ArcuateError.self) { try network(convolution, input: "[1, 4, 4]") }
    #expect(error?.message.contains("padding is \"full\"") == true, "\(error!)")
  }

  @Test func groupsThatDoNotDivideTheChannelsAreAFinding() throws {
    let model = try network("{\"kind\": \"group_norm\", \"groups\": 3}", input: "[4]")
    #expect(model.check().findings.contains { $0.severity == .error })
  }

  @Test func layersOfEveryKindCompile() throws {
    let model = try network(
      """
      {"kind": "convolution", "channels": 4, "kernel": [3, 2], "stride": 2, "padding": [1, 0],
       "groups": 2}, {"kind": "batch_norm", "gamma": 2}, {"kind": "group_norm", "groups": 2},
      {"kind": "max_pooling", "kernel": 2},
      {"kind": "sum_pooling", "kernel": 1}, {"kind": "average_pooling", "kernel": 1, "stride": 1},
      {"kind": "scale", "factor": 0.5}, {"kind": "tanh"}, {"kind": "flatten"},
      {"kind": "rate", "gain": 0.5}, {"kind": "iaf"}, {"kind": "linear", "size": 5},
      {"kind": "lif", "tau": 0.02, "recurrent": true, "per_neuron": true},
      {"kind": "neuron", "program": "state v\\nv = v / 2 + x\\nspike = v > 1"},
      {"kind": "cuba_lif", "tau_syn": 0.01, "tau_mem": 0.02}, {"kind": "linear", "size": 3},
      {"kind": "cuba_li", "tau_syn": 0.01, "tau_mem": 0.02}, {"kind": "integrator"},
      {"kind": "gru", "size": 3, "bias": false}, {"kind": "mean"}, {"kind": "softmax"}
      """, input: "[2, 8, 8]")
    let session = try model.compile().makeSession()
    let output = try session.run(
      frames: 2, [[Float](repeating: 0.5, count: 2 * 128)])[0]
    #expect(output.count == 6 && output.allSatisfy(\.isFinite))
  }

  /// With a resistance of 1, inputs of the size that initial weights give never reached the threshold.
  @Test func cubaNeuronsWithTheirDefaultsSpike() throws {
    let model = try network(
      """
      {"kind": "linear", "size": 50},
      {"kind": "cuba_lif", "tau_syn": 0.005, "tau_mem": 0.01, "name": "n"}
      """, input: "20")
    guard case .neuron(let neuron)? = model["n"]?.op else { throw ArcuateError(.notFound, "n") }
    #expect(neuron.resistance.floats == [10])
    let input = [Float](repeating: 1, count: 100 * 20)
    let spikes = try model.compile().makeSession().run(frames: 100, [input])[0].reduce(0, +)
    #expect(spikes > 50 && spikes < 2500, "\(spikes) of 5000")
  }
}
