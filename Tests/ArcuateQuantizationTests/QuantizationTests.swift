import Arcuate
import ArcuateTestSupport
import Testing

/// What `quantized` does to weights, to whatever it is handed.
@Suite struct QuantizationTests {
  static let families = Family.weighted

  static func single(_ weight: Tensor) -> Model {
    .chain([
      ("in", .input(shape: Shape.vector(weight.shape[1]))), ("w", .linear(Linear(weight: weight))),
      ("out", .output(shape: Shape.vector(weight.shape[0]))),
    ])
  }

  @Test(arguments: families, [UInt64(1), 2, 3])
  func everyWeightIsWithinHalfAScale(family: Family, seed: UInt64) throws {
    print("seed \(seed)")
    var options = QuantizationOptions()
    options.foldsBatchNorm = false
    let model = family.draw(seed)
    let (narrow, report) = try model.quantized(to: .int8, options)
    let before = model.weights
    let after = narrow.weights
    #expect(!before.isEmpty && before.map(\.name) == after.map(\.name))
    #expect(report.nodes.map(\.name) == after.map(\.name))
    for (old, new) in zip(before, after) {
      #expect(new.tensor.element == .int8 && new.tensor.shape == old.tensor.shape)
      #expect(new.tensor.scales.count == old.tensor.shape[0])
      let values = old.tensor.floats
      let bytes = new.tensor.bytes.array
      let inner = values.count / new.tensor.scales.count
      for (channel, scale) in new.tensor.scales.enumerated() {
        var most: Int8 = 0
        for i in channel * inner..<(channel + 1) * inner {
          let q = Int8(bitPattern: bytes[i])
          #expect(q >= -127)
          most = max(most, Int8(q.magnitude))
          #expect((values[i] - Float(q) * scale).magnitude <= scale / 2 + values[i].ulp * 64)
        }
        #expect(most == 127)
      }
    }
    // All else is as it was.
    #expect(try narrow.dequantized().edges == model.edges)
    #expect(narrow.nodes.map(\.name) == model.nodes.map(\.name))
    for (old, new) in zip(model.nodes, narrow.nodes) {
      if case .linear(let a) = old.op, case .linear(let b) = new.op { #expect(a.bias == b.bias) }
      if case .neuron = old.op { #expect(old == new) }
    }
  }

  /// Listed connections keep their weights, whether or not there are others.
  @Test(arguments: [Tensor.Element.int8, .bfloat16], [UInt64(1), 2, 3])
  func listedConnectionsStay(element: Tensor.Element, seed: UInt64) throws {
    print("seed \(seed)")
    #expect(!Self.families.contains(.sparse) && Self.families.contains(.population))
    let model = Family.sparse.draw(seed)
    var options = QuantizationOptions()
    for isCalibrated in [false, true] {
      if isCalibrated {
        options.calibration = try CalibrationTests.sample(model, seed: seed, frames: 5)
      }
      let (same, report) = try model.quantized(to: element, options)
      #expect(same == model && report.nodes.isEmpty)
      #expect(report.bytesBefore == report.bytesAfter)
    }
    let mixed = Family.population.draw(seed)
    let (narrow, report) = try mixed.quantized(to: element)
    #expect(report.nodes.map(\.name) == ["w"])
    for (old, new) in zip(mixed.nodes, narrow.nodes) {
      if case .sparse = old.op { #expect(old == new) }
    }
  }

  @Test func bfloat16IsTheNearest() throws {
    var values: [Float] = [
      0, -0.0, 1, 1.00390625, 1.01171875, -1.00390625, .leastNonzeroMagnitude,
      .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNormalMagnitude, 3.3895314e38,
      0.1, -0.3, Float(bitPattern: 71362),
    ]
    var dice = Dice(11)
    for _ in 0..<2000 {
      values.append(
        dice.uniform(-2, 2) * Float(sign: .plus, exponent: dice.integer(-130...120), significand: 1)
      )
    }
    let narrow = try Self.single(try Tensor(values, shape: Shape([1, values.count])))
      .quantized(to: .bfloat16).model
    let tensor = narrow.weights[0].tensor
    #expect(tensor.element == .bfloat16 && tensor.scales.isEmpty)
    for (value, found) in zip(values, tensor.floats) {
      // The two numbers around it that bfloat16 has.
      let low = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
      let high = Float(bitPattern: (value.bitPattern & 0xFFFF_0000) &+ 0x1_0000)
      let (down, up) = (Double(value - low).magnitude, (Double(high) - Double(value)).magnitude)
      let isEven = low.bitPattern & 0x1_0000 == 0
      let expected =
        !high.isFinite || down < up || down == up && isEven ? low : high
      #expect(found.bitPattern == expected.bitPattern, "\(value)")
    }
  }

  @Test func channelsOfZerosAndExtremes() throws {
    let rows: [[Float]] = [
      [0, 0, 0], [-0.0, 0, 0], [.greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1],
      [.leastNonzeroMagnitude, 0, -.leastNonzeroMagnitude],
      [Float(bitPattern: 7), Float(bitPattern: 71362), 0], [3e38, 1e-38, 0],
      [.leastNormalMagnitude, 0, 0],
    ]
    let weight = try Tensor(rows.flatMap { $0 }, shape: Shape([rows.count, 3]))
    for isCalibrated in [false, true] {
      var options = QuantizationOptions()
      // Weak enough that nothing overflows.
      if isCalibrated {
        options.calibration = SampleFrames(frames: 1, inputs: [[1e-3, 1e-3, 1e-3]])
      }
      let (narrow, report) = try Self.single(weight).quantized(to: .int8, options)
      let tensor = narrow.weights[0].tensor
      #expect(tensor.scales.allSatisfy { $0.isFinite && $0 > 0 })
      #expect(tensor.isFinite && tensor.floats.allSatisfy(\.isFinite))
      for i in 0..<6 { #expect(tensor.floats[i] == 0) }
      #expect(report.nodes[0].weightError.isFinite && report.nodes[0].weightError < 0.01)
      #expect(narrow.check().checked != nil)
    }
    // One channel, and none.
    #expect(
      try Self.single(.filled(2, shape: [1, 4])).quantized(to: .int8).model.weights[0]
        .tensor.floats == [2, 2, 2, 2])
  }

  @Test(arguments: families)
  func narrowWeightsSurviveAFile(family: Family) throws {
    let model = family.draw(7)
    for element in [Tensor.Element.int8, .bfloat16] {
      let narrow = try model.quantized(to: element).model
      let bytes = try SafetensorsFile.encode(narrow)
      let again = try ModelFile.parse(Bytes(bytes)).model
      let (before, after) = (narrow.weights, again.weights)
      #expect(before.count == after.count && !before.isEmpty)
      for (old, new) in zip(before, after) {
        #expect(new.tensor.element == element && new.tensor.scales == old.tensor.scales)
        #expect(new.tensor.bytes.array == old.tensor.bytes.array)
      }
    }
  }

  @Test func dequantisedIsTheInverse() throws {
    for element in [Tensor.Element.int8, .bfloat16] {
      let narrow = try Family.nested.draw(5).quantized(to: element).model
      let wide = try narrow.dequantized()
      for (old, new) in zip(narrow.weights, wide.weights) {
        #expect(new.tensor.element == .float32 && new.tensor == old.tensor)
      }
      // Narrow numbers are found again in their wide form.
      let again = try wide.quantized(to: element).model
      for (old, new) in zip(narrow.weights, again.weights) {
        #expect(new.tensor.bytes.array == old.tensor.bytes.array)
      }
    }
  }

  @Test func narrowModelsStayAsTheyAre() throws {
    let model = Family.dense.draw(3)
    let narrow = try model.quantized(to: .int8).model
    let (again, report) = try narrow.quantized(to: .int8)
    #expect(again == narrow)
    #expect(
      report.nodes.allSatisfy { $0.before == .int8 && $0.after == .int8 && $0.weightError == 0 })
    #expect(report.bytesBefore == report.bytesAfter)
    // From one narrow type to the other.
    let half = try narrow.quantized(to: .bfloat16)
    #expect(half.report.nodes.allSatisfy { $0.weightError > 0 && $0.weightError < 0.004 })
    #expect(half.model.weights.allSatisfy { $0.tensor.element == .bfloat16 })
  }

  @Test func nodesThatAreKept() throws {
    let model = Family.nested.draw(4)
    #expect(model.weights.map(\.name) == ["w", "g/back", "w2"])
    func narrowed(_ change: (inout QuantizationOptions) -> Void) throws -> [String] {
      var options = QuantizationOptions()
      change(&options)
      let (narrow, report) = try model.quantized(to: .int8, options)
      let found = narrow.weights.filter { $0.tensor.element == .int8 }.map(\.name)
      #expect(report.nodes.filter { $0.after == .int8 }.map(\.name) == found)
      return found
    }
    #expect(try narrowed { _ in } == ["w", "g/back", "w2"])
    #expect(try narrowed { $0.keep = ["w"] } == ["g/back", "w2"])
    #expect(try narrowed { $0.keep = ["g"] } == ["w", "w2"])
    #expect(try narrowed { $0.keep = ["g/back", "w2"] } == ["w"])
    #expect(try narrowed { $0.keepsFirst = true } == ["g/back", "w2"])
    #expect(try narrowed { $0.keepsLast = true } == ["w", "g/back"])
    #expect(try narrowed { ($0.keepsFirst, $0.keepsLast, $0.keep) = (true, true, ["g"]) } == [])
    for name in ["", "x", "in", "g/", "back", "w3"] {
      let error = #expect(throws: ArcuateError.self) { try narrowed { $0.keep = ["w", name] } }
      #expect(error?.code == .notFound)
      #expect(error?.message.contains("\"\(name)\"") == true)
    }
  }

  @Test func batchNormIsFoldedFirst() throws {
    let model = Family.hybrid.draw(2)
    var options = QuantizationOptions()
    #expect(try model.quantized(to: .int8, options).model["norm"] == nil)
    options.foldsBatchNorm = false
    #expect(try model.quantized(to: .int8, options).model["norm"] != nil)
  }

  @Test func whatCannotBeNarrow() throws {
    let model = Family.dense.draw(1)
    var error = #expect(throws: ArcuateError.self) { try model.quantized(to: .float32) }
    #expect(error?.code == .invalidArgument)
    error = #expect(throws: ArcuateError.self) {
      try Self.single(Tensor([1, .nan, 2, 3], shape: [2, 2])).quantized(to: .int8)
    }
    #expect(error?.code == .invalidModel && error?.description.contains("\"w\"") == true)
    // A scale that is finite, but not times what it scales.
    let overflowing = try Tensor(
      shape: [1, 2], element: .int8, bytes: Bytes([127, 1]), scales: [1e38])
    error = #expect(throws: ArcuateError.self) {
      try Self.single(overflowing).quantized(to: .bfloat16)
    }
    #expect(error?.code == .invalidModel)
    // Batch-norm whose parts do not fit each other.
    var broken = model
    broken.nodes.append(
      .init(
        "norm",
        .batchNorm(
          BatchNorm(
            mean: Tensor(scalar: 0), variance: Tensor(scalar: 1),
            gamma: Tensor(vector: [1, 2, 3, 4, 5]), beta: Tensor(scalar: 1)))))
    broken.edges.removeAll { $0.source == "w3" }
    broken.edges += [.init("w3", "norm"), .init("norm", "li")]
    #expect(throws: ArcuateError.self) { try broken.quantized(to: .int8) }
    #expect(try broken.foldingBatchNorm()["norm"] != nil)
    // Nothing to do is not an error.
    let empty = Model.chain([("in", .input(shape: [2])), ("out", .output(shape: [2]))])
    let (same, report) = try empty.quantized(to: .int8)
    #expect(same == empty && report.nodes.isEmpty && report.description.contains("total"))
  }
}
