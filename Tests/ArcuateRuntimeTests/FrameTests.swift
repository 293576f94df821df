import Arcuate
import Testing

/// Frames, probes and counters against numbers worked out by hand.
@Suite struct FrameTests {
  /// An integrator without threshold: after n steps of x it holds the sum of what came in.
  static let sums = Model.chain([
    ("in", .input(shape: [2])), ("i", .neuron(Neuron(.i))), ("out", .output(shape: [2])),
  ])

  static func session(_ model: Model, _ change: (inout CompileOptions) -> Void) throws -> Session {
    var options = CompileOptions()
    options.dt_s = 1
    change(&options)
    return try model.compile(options).makeSession()
  }

  @Test(arguments: CompileOptions.FrameInput.allCases, CompileOptions.FrameState.allCases)
  func whatGoesInAndOut(input: CompileOptions.FrameInput, state: CompileOptions.FrameState) throws {
    // Two frames of four steps, fed 1 and 10 on one element, nothing on the other.
    for output in CompileOptions.FrameOutput.allCases {
      let session = try Self.session(Self.sums) {
        $0.stepsPerFrame = 4
        ($0.frameInput, $0.frameState, $0.frameOutput) = (input, state, output)
      }
      var expected: [Float] = []
      var v: Float = 0
      for x in [1, 10] as [Float] {
        if state == .reset { v = 0 }
        var steps: [Float] = []
        for t in 0..<4 {
          if input == .hold || t == 0 { v += x }
          steps.append(v)
        }
        switch output {
        case .last: expected += [v, 0]
        case .sum: expected += [steps.reduce(0, +), 0]
        case .mean: expected += [steps.reduce(0, +) / 4, 0]
        case .every: expected += steps.flatMap { [$0, 0] }
        }
      }
      #expect(try session.run(frames: 2, [[1, 0, 10, 0]])[0] == expected, "\(output)")
    }
  }

  @Test func framesLongerThanABlock() throws {
    let session = try Self.session(Self.sums) {
      $0.stepsPerFrame = 100
      $0.frameOutput = .sum
      $0.frameState = .reset
    }
    #expect(try session.run(frames: 2, [[1, 2, 1, 2]])[0] == [5050, 10100, 5050, 10100])
  }

  @Test func wrongSizesAndNumbersChangeNothing() throws {
    let session = try Self.session(Self.sums) { $0.batch = 2 }
    #expect(try session.step([[1, 2, 3, 4]])[0] == [1, 2, 3, 4])
    for bad in [[1, 2, 3], [1, 2, 3, 4, 5], [1, 2, .nan, 4], [1, .infinity, 3, 4]] as [[Float]] {
      #expect(throws: ArcuateError.self) { try session.step([bad]) }
      #expect(throws: ArcuateError.self) { try session.run(frames: 1, [bad]) }
    }
    #expect(throws: ArcuateError.self) { try session.step([]) }
    #expect(throws: ArcuateError.self) { try session.run(frames: -1, [[]]) }
    #expect(throws: ArcuateError.self) { try session.reset(stream: 2) }
    #expect(try session.run(frames: 0, [[]])[0] == [])
    #expect(try session.step([[0, 0, 0, 0]])[0] == [1, 2, 3, 4])
  }

  @Test func eventsOutsideTheNetworkChangeNothing() throws {
    let session = try Self.session(Self.sums) { _ in }
    let bad: [Event] = [
      Event(step: 3, index: 0), Event(step: 0, index: 2), Event(step: 0, port: 1, index: 0),
      Event(step: 0, stream: 1, index: 0), Event(step: 0, index: 0, value: .nan),
    ]
    for event in bad {
      #expect(throws: ArcuateError.self) {
        try session.runEvents([Event(step: 0, index: 0), event], steps: 3)
      }
    }
    #expect(throws: ArcuateError.self) {
      try session.runEvents([Event(step: 1, index: 0), Event(step: 0, index: 0)], steps: 3)
    }
    #expect(try session.step([[0, 0]])[0] == [0, 0])
  }

  @Test func probesRecordAndMiss() throws {
    let model = Model.chain([
      ("in", .input(shape: [1])),
      (
        "n",
        .neuron(
          Neuron(
            .cubaLIF, tauSynapse: Tensor(vector: [2]), tauMembrane: Tensor(vector: [2]),
            leak: Tensor(vector: [0]), threshold: Tensor(vector: [0.6]),
            resetValue: Tensor(vector: [0])))
      ),
      ("out", .output(shape: [1])),
    ])
    let session = try Self.session(model) { _ in }
    let current = try session.makeProbe("n", .current, capacity: 3)
    let membrane = try session.makeProbe("n", .membrane, capacity: 3)
    let spikes = try session.makeProbe("n", capacity: 100)
    _ = try session.run(frames: 5, [[1, 1, 1, 1, 1]])
    // i = i / 2 + x / 2; v = v / 2 + i / 2, spike above 0.6.
    #expect(current.values() == [0.5, 0.75, 0.875])
    #expect(membrane.values() == [0.25, 0.5, 0])
    #expect(spikes.values() == [0, 0, 1, 0, 1])
    #expect(current.recorded == 3 && current.missed == 2 && spikes.missed == 0)
    current.clear()
    session.remove(membrane)
    _ = try session.step([[1]])
    #expect(current.recorded == 1 && membrane.recorded == 3)
    #expect(throws: ArcuateError.self) { try session.makeProbe("nobody", capacity: 1) }
    #expect(throws: ArcuateError.self) { try session.makeProbe("in", .membrane, capacity: 1) }
    #expect(throws: ArcuateError.self) { try session.makeProbe("n", capacity: .max) }
    #expect(throws: ArcuateError.self) { try session.makeProbe("n", capacity: -1) }
  }

  /// Source. NeuroBench 2.3: a call is accumulates if all its inputs are -1, 0 or 1; padding does
  /// not count in the dense number; a membrane update is a membrane that changed.
  @Test func countersAreNeuroBenchs() throws {
    let model = Model.chain([
      ("in", .input(shape: [1, 3, 3])),
      (
        "c",
        .convolution(
          Convolution(
            weight: try Tensor([1, 0, 1, 1], shape: [1, 1, 2, 2]), stride: [1, 1],
            padding: .explicit([1, 1]), dilation: [1, 1]))
      ),
      ("flat", .flatten(Flatten(start: 0, end: 2))),
      (
        "n",
        .neuron(
          Neuron(
            .integrateAndFire, threshold: Tensor(scalar: 1.5), resetValue: Tensor(scalar: 0)))
      ),
      ("w", .linear(Linear(weight: .filled(1, shape: [2, 16])))), ("out", .output(shape: [2])),
    ])
    let session = try Self.session(model) { _ in }
    // One spike in the middle meets all four kernel positions, one in the corner too, since the
    // padding lets the kernel hang over; one weight of four is zero.
    _ = try session.step([[1, 0, 0, 0, 1, 0, 0, 0, 0]])
    var c = try session.counters(of: "c")
    #expect(c.acs == 6 && c.macs == 0 && c.rows == 1)
    // 16 outputs, each sees the inputs inside: 9 inputs meet 4 positions each.
    #expect(c.denseOperations == 36)
    // The second step has a value that is no spike: the whole call is multiplied.
    _ = try session.step([[1, 0, 0, 0, 0.5, 0, 0, 0, 0]])
    c = try session.counters(of: "c")
    #expect(c.acs == 6 && c.macs == 6 && c.denseOperations == 72)
    // Every neuron at the first step, then those that changed: the outputs of either spike.
    // Convolution outputs of the corner: (0,0), (0,1), (1,1); the kernel is [[1, 0], [1, 1]].
    var n = try session.counters(of: "n")
    let changed = n.neuronUpdates - 16
    #expect(changed > 0 && changed <= 6)
    #expect(n.spikes == (try session.counters(of: "w")).acs / 2)
    session.clearCounters()
    n = try session.counters(of: "n")
    #expect(n == Counters())
  }
}
