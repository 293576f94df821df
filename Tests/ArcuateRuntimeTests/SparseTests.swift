import Arcuate
import ArcuateTestSupport
import ArcuateKernels
import Testing

/// Connections with delays against the slow interpreter, and what they promise of time.
@Suite struct SparseTests {
  static func session(_ model: Model, threads: Int = 1) throws -> Session {
    var options = CompileOptions()
    options.dt_s = 1e-3
    options.threads = threads
    return try model.compile(options).makeSession()
  }

  /// Cycles in windows and step by step, delays of all kinds: every number of every step.
  @Test(arguments: 1...12) func networks(seed: Int) throws {
    var dice = Dice(UInt64(seed))
    let (each, kind) = (seed % 2 == 0, [Neuron.Kind.lif, .cubaLIF, .integrateAndFire][seed % 3])
    let least = [1, 2, 7, 40][seed % 4]
    let count = seed % 5 == 0 ? SparseWeights.tile(1) + 7 : 9
    let density: Float = count > 100 ? 0.002 : 0.4
    let back = dice.sparse(
      count, count, density: density, delay_ms: least...least + (each ? 5 : 0), each: each)
    let other = dice.sparse(count, count, density: density, delay_ms: 1...3)
    let nodes: [(Model.Node, shape: [Int])] = [
      (.init("in", .input(shape: [4])), [4]),
      (.init("w", .sparse(dice.sparse(4, count, scale: 2, delay_ms: 0...2, each: true))), [count]),
      (.init("back", .sparse(back)), [count]), (.init("other", .sparse(other)), [count]),
      (.init("n", .neuron(dice.neuron(kind, [count]))), [count]),
      (.init("out", .output(shape: [count])), [count]),
    ]
    // The interpreter sends after the neurons have fired.
    let order = [0, 1, 4, 2, 3, 5].map { nodes[$0] }
    let edges = [
      ("in", "w"), ("w", "n"), ("back", "n"), ("n", "back"), ("other", "n"), ("n", "other"),
      ("n", "out"),
    ]
    let model = Model(nodes: nodes.map(\.0), edges: edges.map { .init($0.0, $0.1) })
    var slow = SlowNetwork(order, edges: edges, semantics: model.semantics, dt: 1e-3)
    let frames = count > 100 ? 50 : 90
    var input: [Float] = []
    var expected: [Float] = []
    for _ in 0..<frames {
      let x = dice.signal(4, density: 0.6, spikes: false)
      input += x
      expected += slow.step(x)
    }
    #expect(expected.contains { $0 != 0 })
    let windows = try Self.session(model)
    #expect(windows.plan.explain().contains("run in windows"))
    #expect(try windows.run(frames: frames, [input])[0] == expected, "seed \(seed)")
    let threads = try Self.session(model, threads: 2)
    #expect(try threads.run(frames: frames, [input])[0] == expected, "seed \(seed), 2 threads")
    // A probe looks at every step, which windows do not show.
    let watched = try Self.session(model)
    let probe = try watched.makeProbe("n", .membrane, capacity: frames)
    #expect(try watched.run(frames: frames, [input])[0] == expected, "seed \(seed), step by step")
    _ = probe
    #expect(try watched.totalCounters() == windows.totalCounters())
    #expect(try threads.totalCounters() == windows.totalCounters())
    #expect(watched.kernelsUsed() == windows.kernelsUsed())
    #expect(watched.save() == windows.save())
    #expect(threads.save() == windows.save())
  }

  /// A spike comes back after exactly the delay that is stated.
  @Test(arguments: [1, 3, 31, 32, 33, 100]) func aRoundTakesTheDelay(delay: Int) throws {
    for each in [false, true] {
      let seconds = Float(delay) / 1000
      let loop = SparseLinear(
        post: 2, pre: 2, rowStarts: IndexArray([0, 1, 2] as [UInt32]),
        postIndices: IndexArray([1, 0] as [UInt32]), weight: Tensor(vector: [1, 1]),
        delay_s: each ? Tensor(vector: [seconds, 2 * seconds]) : Tensor(scalar: seconds))
      var model = Model.chain([
        ("in", .input(shape: [2])),
        (
          "n",
          .neuron(
            Neuron(
              .integrateAndFire, resistance: Tensor(scalar: 1000), threshold: Tensor(scalar: 0.5),
              resetValue: Tensor(scalar: 0)))
        ), ("out", .output(shape: [2])),
      ])
      model.nodes.append(.init("loop", .sparse(loop)))
      model.edges += [.init("n", "loop"), .init("loop", "n")]
      let frames = 7 * delay + 1
      var input = [Float](repeating: 0, count: 2 * frames)
      input[0] = 1
      let session = try Self.session(model)
      let out = try session.run(frames: frames, [input])[0]
      var expected = [Float](repeating: 0, count: 2 * frames)
      var (step, who) = (0, 0)
      while step < frames {
        expected[2 * step + who] = 1
        step += each && who == 1 ? 2 * delay : delay
        who = 1 - who
      }
      #expect(out == expected)
      let rounds = expected.filter { $0 != 0 }.count
      let counters = try session.counters(of: "loop")
      #expect(counters.acs == UInt64(rounds) && counters.macs == 0)
      #expect(counters.denseOperations == UInt64(2 * frames))
    }
  }

  @Test func listsStayWhereTheyAre() throws {
    var dice = Dice(4)
    let one = dice.sparse(20, 30, delay_ms: 1...1)
    var model = Model.chain([
      ("in", .input(shape: [20])), ("s", .sparse(one)), ("out", .output(shape: [30])),
    ])
    #expect(try Self.session(model).plan.explain().contains("where they stand"))
    let expected = try Self.session(model).run(
      frames: 9, [dice.signal(180, density: 0.5, spikes: false)])
    // The same connections the other way round, as 64 bits.
    var (starts, posts, weights): ([Int64], [Int64], [Float]) = ([0], [], [])
    for j in 0..<20 {
      for k in one.row(j).reversed() {
        posts.append(Int64(one.postIndices[k]))
        weights.append(one.weight.value(at: k))
      }
      starts.append(Int64(posts.count))
    }
    model.nodes[1].op = .sparse(
      SparseLinear(
        post: 30, pre: 20, rowStarts: IndexArray(starts), postIndices: IndexArray(posts),
        weight: Tensor(vector: weights), delay_s: one.delay_s))
    let session = try Self.session(model)
    #expect(session.plan.explain().contains("sorted"))
    var again = Dice(4)
    _ = again.sparse(20, 30, delay_ms: 1...1)
    let out = try session.run(frames: 9, [again.signal(180, density: 0.5, spikes: false)])
    for (a, b) in zip(out[0], expected[0]) { #expect(abs(a - b) < 1e-5) }
  }

  /// bfloat16 and int8 weights give what their numbers as float32 give.
  @Test(arguments: [Tensor.Element.bfloat16, .int8]) func narrowWeights(element: Tensor.Element)
    throws
  {
    var dice = Dice(8)
    for (each, scales) in [(false, 1), (true, 1), (false, 2)] {
      var sparse = dice.sparse(20, 30, delay_ms: 0...3, each: each)
      let count = sparse.count
      let bytes = (0..<count * element.byteCount).map { i in
        element == .bfloat16 && i % 2 == 1 ? UInt8(63) : UInt8(dice.integer(0...255))
      }
      sparse.weight = try Tensor(
        shape: Shape([count]), element: element, bytes: Bytes(bytes),
        scales: element == .int8
          ? (0..<(scales == 1 ? 1 : count)).map { 0.1 + Float($0) / 100 } : [])
      var wide = sparse
      wide.weight = Tensor(vector: sparse.weight.floats)
      let input = dice.signal(20 * 9, density: 0.5, spikes: false)
      let outputs = try [sparse, wide].map { sparse in
        try Self.session(
          .chain([
            ("in", .input(shape: [20])), ("s", .sparse(sparse)), ("out", .output(shape: [30])),
          ])
        ).run(frames: 9, [input])[0]
      }
      #expect(outputs[0] == outputs[1] && outputs[0].contains { $0 != 0 })
    }
  }
}
