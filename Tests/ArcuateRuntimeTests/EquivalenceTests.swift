import Arcuate
import ArcuateTestSupport
import ArcuateKernels
import Foundation
import Testing

/// The same network, the same input, another way of running it: the same bits.
@Suite struct EquivalenceTests {
  static let frames = 21
  static let batch = 3
  static let cases: [(Family, UInt64)] = Family.allCases.flatMap { family in
    TestSize.seeds.map { (family, $0) }
  }

  struct Setting {
    var threads = 1
    var batch = EquivalenceTests.batch
    var stepsPerFrame = 1
    var output = CompileOptions.FrameOutput.last
    var numerics = CompileOptions.Numerics.exact
    /// Whether threads share the nodes of one stream however little these do.
    var alwaysStages = false
  }

  static func session(_ model: Model, _ setting: Setting = .init()) throws -> Session {
    var options = CompileOptions()
    options.dt_s = 1e-3
    options.threads = setting.threads
    options.batch = setting.batch
    options.stepsPerFrame = setting.stepsPerFrame
    options.frameOutput = setting.output
    options.numerics = setting.numerics
    options.alwaysStages = setting.alwaysStages
    return try model.compile(options).makeSession()
  }

  /// [frames][batch][shape] for each input port.
  static func input(
    _ model: Model, _ family: Family, _ seed: UInt64, density: Float = 0.3
  ) -> [[Float]] {
    var dice = Dice(seed &+ 1000)
    return model.nodes.compactMap { node in
      guard case .input(let shape) = node.op else { return nil }
      return dice.signal(
        frames * batch * shape.count, density: density, spikes: family.takesSpikes)
    }
  }

  /// Frames `range` of every port, for one stream or all.
  static func part(
    _ ports: [[Float]], _ range: Range<Int>, stream: Int? = nil
  ) -> [[Float]] {
    ports.map { values in
      let size = values.count / (frames * batch)
      return range.flatMap { frame -> ArraySlice<Float> in
        let start = (frame * batch + (stream ?? 0)) * size
        return values[start..<start + (stream == nil ? batch : 1) * size]
      }
    }
  }

  /// All frames, so many at a time, which divide them.
  static func inChunks(
    of chunk: Int, _ session: Session, _ input: [[Float]]
  ) throws -> [[Float]] {
    var parts = session.plan.outputs.map { _ in [Float]() }
    for start in stride(from: 0, to: frames, by: chunk) {
      let out = try session.run(frames: chunk, part(input, start..<start + chunk))
      for p in out.indices { parts[p] += out[p] }
    }
    return parts
  }

  static func bits(_ ports: [[Float]]) -> [[UInt32]] { ports.map { $0.map(\.bitPattern) } }

  /// An edge that a file lost, say.
  @Test(arguments: cases)
  func nodesThatNothingFeedsRunOnSilence(family: Family, seed: UInt64) throws {
    let model = family.draw(seed)
    let input = Self.input(model, family, seed)
    var sessions = 0
    for edge in model.edges where model.edges.filter({ $0.target == edge.target }).count == 1 {
      var severed = model
      severed.edges.removeAll { $0 == edge }
      guard let session = try? Self.session(severed) else { continue }
      sessions += 1
      let whole = try session.run(frames: Self.frames, input)
      let parts = try Self.inChunks(of: 7, Self.session(severed, .init(threads: 2)), input)
      #expect(Self.bits(parts) == Self.bits(whole), "without \(edge.source) -> \(edge.target)")
    }
    #expect(sessions > 0)
  }

  /// A neuron without input goes to its rest as if it were fed zeros.
  @Test func silenceIsZeros() throws {
    func run(_ isFed: Bool) throws -> [Float] {
      let one = Tensor(vector: [Float](repeating: 1, count: 3))
      var model = Model(
        nodes: [
          .init("in", .input(shape: [3])), .init("scale", .scale(one)),
          .init("zero", .scale(Tensor(vector: [0, 0, 0]))),
          .init("leaky", .neuron(Neuron(.li, tauMembrane: one, leak: one))),
          .init("out", .output(shape: [3])),
        ],
        edges: [
          .init("in", "scale"), .init("scale", "out"), .init("in", "zero"), .init("leaky", "out"),
        ])
      if isFed { model.edges.append(.init("zero", "leaky")) }
      model.dt_s = 0.1
      return try model.compile().makeSession().run(frames: 2, [[1, 2, 3, 4, 5, 6]])[0]
    }
    let silent = try run(false)
    #expect(silent == (try run(true)) && silent[0] > 1)
  }

  @Test(arguments: cases)
  func everyWayOfRunning(family: Family, seed: UInt64) throws {
    let model = family.draw(seed)
    let input = Self.input(model, family, seed)
    let whole = try Self.session(model).run(frames: Self.frames, input)
    let expected = Self.bits(whole)
    #expect(whole.contains { $0.contains { $0 != 0 } }, "the network is silent")

    for chunk in [1, 3, 7] {
      for threads in [1, 2, 4] {
        let session = try Self.session(model, .init(threads: threads))
        let parts = try Self.inChunks(of: chunk, session, input)
        #expect(Self.bits(parts) == expected, "chunks of \(chunk), \(threads) threads")
      }
    }

    // By steps.
    let stepped = try Self.session(model)
    for frame in 0..<Self.frames {
      let out = try stepped.step(Self.part(input, frame..<frame + 1))
      #expect(Self.bits(out) == Self.bits(Self.part(whole, frame..<frame + 1)))
    }

    // By events.
    var events: [Event] = []
    for frame in 0..<Self.frames {
      for (port, values) in input.enumerated() {
        let size = values.count / (Self.frames * Self.batch)
        for stream in 0..<Self.batch {
          for i in 0..<size {
            let value = values[(frame * Self.batch + stream) * size + i]
            if value != 0 {
              events.append(
                Event(
                  step: UInt32(frame), stream: UInt16(stream), port: UInt16(port),
                  index: UInt32(i), value: value))
            }
          }
        }
      }
    }
    var fromEvents = whole.map { [Float](repeating: 0, count: $0.count) }
    for event in try Self.session(model).runEvents(events, steps: Self.frames) {
      let size = fromEvents[Int(event.port)].count / (Self.frames * Self.batch)
      fromEvents[Int(event.port)][
        (Int(event.step) * Self.batch + Int(event.stream)) * size + Int(event.index)] = event.value
    }
    // A zero is no event, so that its sign is lost.
    for p in whole.indices { #expect(fromEvents[p] == whole[p], "events") }

    // Each stream alone.
    for stream in 0..<Self.batch {
      let alone = try Self.session(model, .init(batch: 1)).run(
        frames: Self.frames, Self.part(input, 0..<Self.frames, stream: stream))
      #expect(
        Self.bits(alone) == Self.bits(Self.part(whole, 0..<Self.frames, stream: stream)),
        "stream \(stream) alone")
    }

    // Threads that run a part of the nodes each, one behind the other.
    let stream = Self.part(input, 0..<Self.frames, stream: 0)
    let one = try Self.session(model, .init(batch: 1))
    let alone = Self.bits(try one.run(frames: Self.frames, stream))
    for threads in [2, 3, 5] {
      let staged = try Self.session(
        model, .init(threads: threads, batch: 1, alwaysStages: true))
      for frames in [Self.frames, 1] {
        staged.reset()
        let out = try staged.run(
          frames: frames, stream.map { Array($0[..<($0.count / Self.frames * frames)]) })
        for p in out.indices {
          #expect(Self.bits(out)[p][...] == alone[p][..<out[p].count], "\(threads) stages")
        }
        if frames == Self.frames {
          #expect(try staged.totalCounters() == one.totalCounters())
        }
      }
      let probes = try staged.plan.nodeNames.map { try staged.makeProbe($0, capacity: Self.frames) }
      let same = try Self.session(model, .init(batch: 1))
      let others = try same.plan.nodeNames.map { try same.makeProbe($0, capacity: Self.frames) }
      staged.reset()
      _ = try (staged.run(frames: Self.frames, stream), same.run(frames: Self.frames, stream))
      for (a, b) in zip(probes, others) {
        #expect(Self.bits([a.values()]) == Self.bits([b.values()]), "a probe of \(threads) stages")
      }
    }

    // Saved, restored and cloned in the middle.
    let first = try Self.session(model)
    _ = try first.run(frames: 10, Self.part(input, 0..<10))
    let snapshot = first.save()
    let clone = try first.clone()
    let rest = Self.part(input, 10..<Self.frames)
    let after = Self.bits(Self.part(whole, 10..<Self.frames))
    let restored = try Self.session(model, .init(threads: 2))
    try restored.restore(Bytes(snapshot))
    #expect(Self.bits(try restored.run(frames: Self.frames - 10, rest)) == after, "restored")
    #expect(Self.bits(try clone.run(frames: Self.frames - 10, rest)) == after, "cloned")
    #expect(Self.bits(try first.run(frames: Self.frames - 10, rest)) == after, "saved")
    first.reset()
    #expect(Self.bits(try first.run(frames: Self.frames, input)) == expected, "reset")
  }

  /// A stream that starts again in the middle answers as a new one; its neighbours go on, and what
  /// neighbours are fed changes nothing.
  @Test(arguments: cases)
  func streamsNeverMix(family: Family, seed: UInt64) throws {
    let model = family.draw(seed)
    let input = Self.input(model, family, seed)
    let whole = try Self.session(model).run(frames: Self.frames, input)

    let session = try Self.session(model, .init(threads: 2))
    _ = try session.run(frames: 8, Self.part(input, 0..<8))
    try session.reset(stream: 1)
    let after = try session.run(
      frames: Self.frames - 8, Self.part(input, 8..<Self.frames))
    let fresh = try Self.session(model, .init(batch: 1)).run(
      frames: Self.frames - 8, Self.part(input, 8..<Self.frames, stream: 1))
    for p in after.indices {
      let size = after[p].count / (Self.batch * (Self.frames - 8))
      for (at, value) in after[p].enumerated() {
        let (frame, stream, i) = (at / size / Self.batch, at / size % Self.batch, at % size)
        let expected =
          stream == 1
          ? fresh[p][frame * size + i]
          : whole[p][((frame + 8) * Self.batch + stream) * size + i]
        #expect(value.bitPattern == expected.bitPattern)
      }
    }

    var others = input
    for p in others.indices {
      let size = others[p].count / (Self.frames * Self.batch)
      for at in others[p].indices where at / size % Self.batch != 1 { others[p][at] = 1.5 }
    }
    let changed = try Self.session(model).run(frames: Self.frames, others)
    #expect(
      Self.bits(Self.part(changed, 0..<Self.frames, stream: 1))
        == Self.bits(Self.part(whole, 0..<Self.frames, stream: 1)))
  }

  /// Inputs on either side of the density at which the dense kernel takes over.
  @Test(arguments: [0.02, 0.2, 0.34, 0.36, 0.7, 1] as [Float])
  func densityChangesNothing(density: Float) throws {
    let model = Family.ports.draw(7)
    let input = Self.input(model, .ports, 7, density: density)
    let session = try Self.session(model)
    let batched = try session.run(frames: Self.frames, input)
    var used = Set<Kernel>()
    for stream in 0..<Self.batch {
      let single = try Self.session(model, .init(batch: 1))
      for frame in 0..<Self.frames {
        let out = try single.step(Self.part(input, frame..<frame + 1, stream: stream))
        #expect(
          Self.bits(out) == Self.bits(Self.part(batched, frame..<frame + 1, stream: stream)))
      }
      used.formUnion(single.kernelsUsed())
    }
    if density <= 0.02 { #expect(used.contains(.linearEvents)) }
    if density == 1 { #expect(used.contains(.linearDense)) }
  }

  /// Sums beyond all numbers leave none behind the last element of a row either, where lists would
  /// find them.
  @Test func sumsThatOverflowAreNoNumbers() throws {
    var dice = Dice(4)
    func layer(_ outputs: Int, _ inputs: Int, zeros: Int = 0) throws -> Operator {
      let weights = (0..<outputs * inputs).map {
        $0 % inputs < zeros ? 0 : dice.uniform(-1e30, 1e30)
      }
      return .linear(Linear(weight: try Tensor(weights, shape: Shape([outputs, inputs]))))
    }
    let model = Model.chain([
      ("in", .input(shape: [3])), ("a", try layer(5, 3)), ("b", try layer(5, 5)),
      ("c", try layer(5, 5, zeros: 3)), ("out", .output(shape: [5])),
    ])
    let session = try Self.session(model, .init(batch: 1))
    let out = try session.run(frames: 4, [[Float](repeating: 1e10, count: 12)])[0]
    #expect(out.allSatisfy { !$0.isFinite })
    // Of the last layer's inputs all five are seen, two of them with weights, once a step.
    #expect(try session.counters(of: "c").macs == 4 * 2 * 5)
  }

  /// A network large enough is shared out without being told to, and says so.
  @Test(.enabled(if: ProcessInfo.processInfo.activeProcessorCount > 1))
  func stagesAreExplained() throws {
    var dice = Dice(3)
    let model = Model.chain([
      ("in", .input(shape: [300])), ("w", .linear(Linear(weight: dice.tensor([256, 300], -1, 1)))),
      ("n", .neuron(dice.neuron(.lif, []))),
      ("v", .linear(Linear(weight: dice.tensor([256, 256], -1, 1)))),
      ("m", .neuron(dice.neuron(.lif, []))), ("out", .output(shape: [256])),
    ])
    let plan = try Self.session(model, .init(threads: 2, batch: 1)).plan
    let lines = plan.explain().split(separator: "\n")
    let first = try #require(lines.firstIndex { $0.hasPrefix("threads, each a tile behind") })
    #expect(lines[first + 1] == "  0  in, w" && lines[first + 2] == "  1  n, v, m, out")
    #expect(
      !(try Self.session(model, .init(threads: 1, batch: 1))).plan.explain().contains("behind"))
    #expect(
      !(try Self.session(model, .init(threads: 2, batch: 2))).plan.explain().contains("behind"))
  }

  /// With fast numerics integrators behind a convolution add in their membranes: numbers that sums in
  /// any order give exactly show that nothing else changes.
  @Test(
    arguments: [NeuronSemantics.Reset.subtract, .toValue], [(1, false), (2, false), (2, true)])
  func integratorsAddInPlace(
    reset: NeuronSemantics.Reset, setting: (threads: Int, hasSkip: Bool)
  ) throws {
    var dice = Dice(9)
    func weights(_ shape: Shape) -> Tensor {
      try! Tensor((0..<shape.count).map { _ in Float(dice.integer(-8...8)) / 16 }, shape: shape)
    }
    func kernels(_ from: Int, _ to: Int) throws -> Operator {
      .convolution(
        Convolution(
          weight: weights([to, from, 3, 3]), stride: [1, 1], padding: .explicit([1, 1]),
          dilation: [1, 1]))
    }
    let neurons = Operator.neuron(
      Neuron(.integrateAndFire, threshold: Tensor(scalar: 1), resetValue: Tensor(scalar: 0)))
    var model = Model.chain([
      ("in", .input(shape: [2, 9, 10])), ("a", try kernels(2, 5)), ("n", neurons),
      ("b", try kernels(5, 16)), ("m", neurons), ("out", .output(shape: [16, 9, 10])),
    ])
    if setting.hasSkip {
      // Sums of two inputs are not made in place.
      model.nodes.append(.init("c", try kernels(5, 16)))
      model.edges += [.init("n", "c"), .init("c", "m")]
    }
    model.semantics.reset = reset
    model.semantics.integratorGain = .r
    let frames = 12
    let input = (0..<frames).flatMap { frame in
      // Few inputs and many, which are summed by windows.
      dice.signal(180, density: frame % 3 == 2 ? 0.9 : 0.1, spikes: true)
    }
    func session(_ numerics: CompileOptions.Numerics) throws -> Session {
      try Self.session(
        model,
        .init(threads: setting.threads, batch: 1, numerics: numerics, alwaysStages: true))
    }
    let (exact, fast) = (try session(.exact), try session(.fast))
    let expected = try exact.run(frames: frames, [input])
    #expect(expected[0].contains { $0 != 0 })
    #expect(try fast.run(frames: frames, [input]) == expected)
    #expect(fast.save() == exact.save(), "other membranes")
    var (a, b) = (try exact.totalCounters(), try fast.totalCounters())
    // All are said to change.
    #expect(b.neuronUpdates > a.neuronUpdates)
    (a.neuronUpdates, b.neuronUpdates) = (0, 0)
    #expect(a == b)

    // With somebody looking on, sums have rows of their own.
    fast.reset()
    let probe = try fast.makeProbe("b", capacity: frames)
    #expect(try fast.run(frames: frames, [input]) == expected)
    #expect(probe.values().contains { $0 != 0 })
  }

  /// A sum of n terms differs by at most n ulp of the largest partial sum; here by much less.
  @Test func fastStaysWithinItsBound() throws {
    var dice = Dice(5)
    let model = Model.chain([
      ("in", .input(shape: [200])),
      ("w", .linear(Linear(weight: dice.tensor([50, 200], 0, 1)))), ("out", .output(shape: [50])),
    ])
    let input = dice.signal(200 * 3, density: 1, spikes: false).map { abs($0) }
    let exact = try Self.session(model).run(frames: 1, [input])[0]
    let fast = try Self.session(model, .init(numerics: .fast)).run(frames: 1, [input])[0]
    #expect(exact != fast, "the fused kernel did not run")
    for (a, b) in zip(exact, fast) { #expect(abs(a - b) <= 200 * a.ulp) }
  }
}
