import ArcuateCore
import ArcuateModel
import Testing

/// Texts of neuron programs: what they mean, and what is said of mistakes.
@Suite struct NeuronProgramTests {
  private static func refusal(_ text: String) -> ArcuateError? {
    do {
      _ = try NeuronProgram(text)
      return nil
    } catch {
      return error
    }
  }

  struct Mistake: Sendable, CustomTestStringConvertible {
    var text: String
    var at: String?
    var words: String
    var code = ArcuateError.Code.malformed
    var testDescription: String { "\(text.prefix(40))".replacing("\n", with: " | ") }

    init(_ text: String, _ at: String?, _ words: String, _ code: ArcuateError.Code = .malformed) {
      (self.text, self.at, self.words, self.code) = (text, at, words, code)
    }
  }

  private static func lines(_ count: Int, _ line: (Int) -> String) -> String {
    (0..<count).map(line).joined(separator: "\n") + "\nvalue = x"
  }

  static let tokens = [
    Mistake("state v\nv = v + x @ 2\nvalue = v", "line 2, column 11", "unexpected \"@\""),
    Mistake("value = x\t;", "line 1, column 11", "unexpected \";\""),
    Mistake("value = \u{e9}", "line 1, column 9", "unexpected \"byte 195\""),
    Mistake("value = x\0", "line 1, column 10", "unexpected \"byte 0\""),
    Mistake("value = 1.2.3", "line 1, column 9", "\"1.2.3\" is not a number"),
    Mistake("value = .", "line 1, column 9", "\".\" is not a number"),
    Mistake("value = 1e999", "line 1, column 9", "\"1e999\" is not a number"),
    Mistake("value = " + String(repeating: "a", count: 65), "line 1, column 9", "over 64 letters"),
  ]

  static let grammar = [
    Mistake("v = (x + 1\nvalue = v", "line 1, column 11", "expected \")\""),
    Mistake("spike = 0 < x < 1", "line 1, column 15", "cannot be chained"),
    Mistake("value = x +", "line 1, column 12", "expected an expression"),
    Mistake("value =", "line 1, column 8", "expected an expression"),
    Mistake("= 3", "line 1, column 1", "expected a name, not \"=\""),
    Mistake("3 = x", "line 1, column 1", "expected a name, not 3"),
    Mistake("value x", "line 1, column 7", "expected \"=\""),
    Mistake("value = x y", "line 1, column 11", "expected the end of the line"),
    Mistake("value = x > 0 ? 1", "line 1, column 18", "expected \":\""),
    Mistake("state v +", "line 1, column 9", "expected the end of the line"),
    Mistake("value = sin(x)", "line 1, column 9", "there is no function \"sin\""),
    Mistake("value = min(x)", "line 1, column 9", "min takes 2 arguments, not 1"),
    Mistake("value = log(x, 2)", "line 1, column 9", "log takes 1 argument, not 2"),
    Mistake("value = uniform(1)", "line 1, column 9", "uniform takes 0 arguments, not 1"),
  ]

  static let types = [
    Mistake(
      "state integer k\nk = k + x\nvalue = x", "line 2, column 7",
      "\"+\" has an integer on its left and a number on its right"),
    Mistake(
      "state integer k\nvalue = k", "line 2, column 9", "a number is expected, not an integer"),
    Mistake(
      "state integer k\nk = k / 2\nvalue = x", "line 2, column 7", "integers are not divided"),
    Mistake("state integer k\nk = k + 1.5\nvalue = x", "line 2, column 9", "1.5 is not a whole"),
    Mistake("value = x << 2", "line 1, column 11", "takes integers"),
    Mistake("value = !x", "line 1, column 9", "a condition is expected, not a number"),
    Mistake("value = x ? 1 : 0", "line 1, column 9", "a condition is expected, not a number"),
    Mistake("state v\n\nspike = v", "line 3, column 9", "a condition is expected, not a number"),
    Mistake("spike = 1", "line 1, column 9", "a condition is expected, not a constant"),
    Mistake("count = 1 > 0", "line 1, column 11", "is the same at every step"),
    Mistake("value = x ** 5", "line 1, column 11", "the exponent of a value is 2, 3 or 4"),
    Mistake("spike = winners(x, x)", "line 1, column 9", "how many win, a constant"),
  ]

  static let names = [
    Mistake("input a\na = 1\nvalue = a", "line 2, column 1", "the input \"a\" cannot be assigned"),
    Mistake("x = x + 1\nvalue = x", "line 1, column 1", "the input \"x\" cannot be assigned"),
    Mistake("value = x\ninput a", "line 2, column 7", "before x is used"),
    Mistake(
      "parameter p\np = 1\nvalue = p", "line 2, column 1", "the parameter \"p\" cannot be assigned"),
    Mistake(
      "v = w + x\nw = 2\nvalue = v", "line 1, column 5", "\"w\" is used before it has a value"),
    Mistake("v += x\nvalue = v", "line 1, column 1", "\"v\" is used before it has a value"),
    Mistake("state v, v\nvalue = v", "line 1, column 10", "declared or used before"),
    Mistake("state dt\nvalue = x", "line 1, column 7", "\"dt\" cannot be declared"),
    Mistake("state integer\nvalue = x", "line 1, column 7", "\"integer\" cannot be declared"),
    Mistake("dt = 3\nvalue = x", "line 1, column 1", "\"dt\" cannot be assigned"),
    Mistake("state v = x\nvalue = v", "line 1, column 11", "numbers and parameters alone"),
    Mistake("parameter p = q\nvalue = p", "line 1, column 11", "is not a number"),
    Mistake("parameter p = 1 / 0\nvalue = p", "line 1, column 11", "is inf"),
    Mistake("state v", nil, "assigns what it emits"),
    Mistake("", nil, "assigns what it emits"),
    Mistake("spike = x > 1\nvalue = x", "line 2, column 9", "one thing, not spike and value"),
    Mistake("surrogate(u) = u\nsurrogate(u) = u", "line 2, column 1", "a second surrogate"),
    Mistake("surrogate(dt) = 1", "line 1, column 11", "\"dt\" cannot be declared"),
    Mistake("surrogate(u) = uniform()", "line 1, column 1", "depends on u and parameters alone"),
    Mistake("surrogate(u) = spikes_before", "line 1, column 1", "depends on u and parameters"),
  ]

  static let limits = [
    Mistake(
      "value = " + String(repeating: "(", count: 40) + "x", "line 1, column 41",
      "nested more than 64 deep", .limitExceeded),
    Mistake(
      "value = " + String(repeating: "-", count: 80) + "x", "line 1, column 72",
      "nested more than 64 deep", .limitExceeded),
    Mistake(
      "value = x" + String(repeating: " + x", count: 65), "line 1, column 267",
      "64 instructions at most", .limitExceeded),
    Mistake(lines(17) { "state s\($0)" }, "line 17, column 7", "16 states", .limitExceeded),
    Mistake("input a, b, c, d, e, f, g, h, i", "line 1, column 31", "8 inputs", .limitExceeded),
    Mistake(
      lines(65) { "v\($0) = x * \($0).5" }, "line 65, column 11", "64 constants", .limitExceeded),
    Mistake(
      lines(65) { "v\($0) = p\($0)" }, "line 65, column 7", "64 parameters", .limitExceeded),
    Mistake(
      String(repeating: "x", count: 65_537), nil, "65537 bytes, more than 65536", .limitExceeded),
  ]

  @Test(arguments: tokens + grammar + types + names + limits)
  func mistakesAreNamedWithTheirPosition(_ mistake: Mistake) throws {
    let error = try #require(NeuronProgramTests.refusal(mistake.text))
    #expect(error.code == mistake.code)
    #expect(error.location == mistake.at)
    #expect(error.message.contains(mistake.words), "\(error)")
  }

  /// Sums of numbers take no instruction, but the evaluation of 30,000 of them took the stack.
  @Test func longSumsOfNumbersTookTheStack() {
    let text = "value = x" + String(repeating: "+1", count: 30_000)
    #expect(NeuronProgramTests.refusal(text)?.code == .limitExceeded)
  }

  /// Each line doubled the constant, whose value took forever to compute.
  @Test func constantsOfConstantsTookForever() {
    let lines = String(repeating: "a = a + a\n", count: 40)
    let error = NeuronProgramTests.refusal("a = p + p\n\(lines)value = a * x")
    #expect(error?.code == .limitExceeded && error?.location == "line 8, column 7")
  }

  @Test func everyBeginningOfATextIsReadOrRefused() throws {
    let text = """
      # All forms there are.
      input x, y
      parameter tau = 0.02, v_reset
      state v = v_reset, w = -1.5e-3
      state integer k = 7
      surrogate(u) = 1 / (1 + slope * abs(u)) ** 2
      a = dt > 0 * x && !(x <= y) || k != 3 ? exp(-dt / tau) : max(w, 0) - normal()
      k = integer(a * 4) << 2 >> 1
      v += a * x - number(k) + 0.1 * spikes_before
      spike = v >= threshold && winners(v, 3)
      v = spike ? v_reset : v
      w *= tanh(min(v, 1)) + spike
      """
    _ = try NeuronProgram(text)
    let bytes = Array(text.utf8)
    for end in 0..<bytes.count {
      if let error = NeuronProgramTests.refusal(String(decoding: bytes[..<end], as: UTF8.self)) {
        #expect(error.code == .malformed)
      }
      // A byte left out, and one that is another.
      _ = NeuronProgramTests.refusal(
        String(decoding: bytes[..<end] + bytes[(end + 1)...], as: UTF8.self))
      var other = bytes
      other[end] = UInt8(truncatingIfNeeded: end &* 37 &+ 11)
      _ = NeuronProgramTests.refusal(String(decoding: other, as: UTF8.self))
    }
  }

  private func constant(_ expression: String, dt_s: Double = 1e-3) throws -> Float {
    let program = try NeuronProgram("value = x * (\(expression))")
    let numbers = try program.numbers(["p": [0.1]], count: 1, dt_s: dt_s)
    return Float(bitPattern: numbers.constants[0][0])
  }

  /// Operators bind as docs/neuron-programs.md says; constants are computed in double precision.
  @Test func constantsAreComputedInDoublePrecisionAndRoundedOnce() throws {
    #expect(try constant("2 + 3 * 4") == 14)
    #expect(try constant("8 - 4 - 2") == 2)
    #expect(try constant("8 / 4 / 2") == 1)
    #expect(try constant("-2 ** 2") == -4)
    #expect(try constant("2 ** 3 ** 2") == 512)
    #expect(try constant("2 ** -1") == 0.5)
    #expect(try constant("- - 3 + +4") == 7)
    #expect(try constant("0.1 + 0.2") == Float(0.1 + 0.2))
    #expect(try constant("1 - dt / 0.02", dt_s: 1e-4) == Float(1 - 1e-4 / 0.02))
    #expect(try constant("p * 3") == Float(Double(Float(0.1)) * 3))
    #expect(try constant("min(3, max(1, 2)) + abs(-floor(2.5)) + sqrt(9)") == 7)
    #expect(try constant("exp(0) + log(1) + tanh(0) + number(1)") == 2)
    #expect(try constant("1.5e-3") == 1.5e-3)
  }

  @Test(arguments: [
    "1 - dt / tau", "(1 - dt) / tau", "a - (b - c)", "a - b - c", "a / (b * c)", "-(a + b)",
    "-a ** 2",
    "(-a) ** 2", "a ** b ** c", "(a ** b) ** c", "2 ** -a", "min(a, b + 1) * exp(-a)", "--a",
    "1e-07",
    "2.5e+20", "a + -b", "a - -(b * c)",
  ])
  func aConstantIsWrittenWithAsFewBracketsAsItNeeds(_ text: String) throws {
    func initial(_ text: String) throws -> (ConstantExpression, [String]) {
      let program = try NeuronProgram("parameter a, b, c, tau\nstate v = \(text)\nvalue = v")
      return (program.states[0].initial, program.parameterNames)
    }
    let (expression, names) = try initial(text)
    let written = expression.text(names)
    #expect(try initial(written).0 == expression, "\(written)")
    #expect(written.filter { $0 == "(" }.count <= text.filter { $0 == "(" }.count)
  }

  /// A default was kept in double precision, so its results differed from the same value given in float32.
  @Test func aDefaultIsRoundedAsAValueThatIsGivenIs() throws {
    for k in 1..<200 {
      let text = "value = x * (1 - 1 / (p * \(k).7))"
      let standard = try NeuronProgram("parameter p = 0.1\n\(text)").numbers([:], count: 1, dt_s: 1)
      let given = try NeuronProgram(text).numbers(["p": [0.1]], count: 1, dt_s: 1)
      #expect(standard == given)
    }
  }

  @Test func constantsThatAreNotFiniteAreRefusedWithTheirPosition() throws {
    func refusal(_ text: String, _ p: Float) -> ArcuateError? {
      do {
        _ = try NeuronProgram(text).numbers(["p": [1, p, 1]], count: 3, dt_s: 1)
        return nil
      } catch {
        return error
      }
    }
    for (text, p, at) in [
      ("value = 1 / p + x", Float(0), "line 1, column 11"),
      ("value = x\ny = x * log(p)", -1, "line 2, column 9"),
      ("value = x * (p * 1e39)", 1, "line 1, column 16"),
      ("state v = 1 / p\nvalue = v", 0, "line 1, column 7"),
      ("state integer k = p\nvalue = x", 1.5, "line 1, column 15"),
      ("state integer k = p\nvalue = x", 0x1p31, "line 1, column 15"),
    ] {
      let error = try #require(refusal(text, p), "\(text)")
      #expect(error.code == .invalidModel)
      #expect(error.location == at, "\(text)")
    }
    #expect(refusal("value = x * (p * 1e37)", 1) == nil)
  }

  @Test func namesAreParametersStatesOrInputs() throws {
    let program = try NeuronProgram(
      """
      state v = v0
      parameter tau = 0.02
      v = v + x * gain
      value = v / tau
      """)
    #expect(program.inputNames == ["x"])
    #expect(program.stateNames == ["v"])
    #expect(program.parameterNames == ["v0", "tau", "gain"])
    #expect(try NeuronProgram("value = 1").inputNames == ["x"])
    #expect(try NeuronProgram("input a, b\nvalue = a - b").inputNames == ["a", "b"])
  }

  @Test func wrongParametersAreErrorsOfTheNode() throws {
    func contradictions(_ parameters: [String: Tensor]) throws -> [String] {
      ProgramNeuron(try NeuronProgram("parameter q = 1\nvalue = p * x"), parameters: parameters)
        .contradictions()
    }
    #expect(try contradictions(["p": Tensor(scalar: 1)]).isEmpty)
    #expect(try contradictions([:]) == ["parameter \"p\" (line 2, column 9) has no value"])
    let one = Tensor(scalar: 1)
    #expect(try contradictions(["p": one, "z": one]) == ["its program has no parameter \"z\""])
    #expect(try contradictions(["p": Tensor(vector: [1, .nan])]).count == 1)
    // No numbers at all ended the process.
    #expect(try contradictions(["p": Tensor(vector: [])]) == ["p has no elements"])
  }

  /// Without any edge to its node, a program with two inputs ran into the end of a list.
  @Test func asManyEdgesAsInputsAreNeeded() throws {
    let neuron = ProgramNeuron(
      try NeuronProgram("input a, b\nvalue = p * a + b"),
      parameters: ["p": Tensor(vector: [1, 2])])
    for count in [0, 1, 3] {
      #expect(throws: ArcuateError.self) {
        try neuron.outputShape([Shape?](repeating: [2], count: count))
      }
    }
    #expect(try neuron.outputShape([[2], [2]]) == [2])
  }
}
