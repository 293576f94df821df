import Arcuate
import ArcuateConsole

/// What was found out about one case.
struct BenchMeasurement {
  let benchCase: BenchCase
  /// Seconds of a call, one number for each round.
  var rounds: [Double] = []
  /// From the file's name to the model, from there to a session, and the first call.
  var open_s = 0.0
  var compile_s = 0.0
  var first_s = 0.0
  /// Sums over a call, the mean of those that take turns.
  var spikes = 0.0
  var macs = 0.0
  var acs = 0.0
  var denseOperations = 0.0
  var neuronUpdates = 0.0
  /// Fractions of the input, and of the neurons of each node, that are not silent in a step.
  var rates: [(node: String, rate: Double)] = []
  var kernels: [String] = []
  var parameterBytes = 0
  var sessionBytes = 0
  /// The most that was resident, and what was before the network was opened.
  var peakBytes: Int?
  var baseBytes: Int?
  var work = Floor.Work(touchedBytes: 0, networkBytes: 0, addedBytes: 0, membranes: 0)
  /// Of each of the calls that take turns.
  var outputs: [[Float]] = []
  var outputShape: Shape = .scalar
  /// The fraction of output rows whose largest element stands where float32 weights have it.
  var agreement: Double?
  /// The fraction where it stands at the answer, for workloads that know one.
  var accuracy: Double?

  /// 0 without rounds.
  var median: Double {
    let sorted = rounds.sorted()
    guard !sorted.isEmpty else { return 0 }
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
}

extension BenchMeasurement {
  /// Runs the network in the file: a round is every input once, each from rest.
  ///
  /// Throws. What opening, compiling and running throw.
  static func of(
    _ benchCase: BenchCase, _ path: String, inputs: [[Float]], rounds: Int
  ) throws -> BenchMeasurement {
    var found = BenchMeasurement(benchCase: benchCase)
    let workload = benchCase.workload
    let frames = workload.frames(steps: benchCase.steps)
    // The ports' copies of the inputs are made before memory is counted, and not between calls.
    try withPorts(inputs[...], []) { ports in
      ProcessMemory.forgetPeak()
      found.baseBytes = ProcessMemory.now
      var start = ContinuousClock.now
      func lap() -> Double {
        let now = ContinuousClock.now
        defer { start = now }
        return (now - start) / .seconds(1)
      }
      let model = try ModelFile.read(path).model
      found.open_s = lap()
      let plan = try model.compile(benchCase.options)
      let session = try plan.makeSession()
      found.compile_s = lap()
      let counts = plan.outputs.indices.map { plan.outputCount(port: $0, frames: frames) }
      _ = try OutputPorts.collect(counts: counts) { outputs in
        func call(_ input: InputPorts) throws {
          session.reset()
          try session.run(frames: frames, inputs: input, outputs: outputs)
        }
        start = ContinuousClock.now
        try call(ports[0])
        found.first_s = lap()
        for _ in 0..<(rounds > 0 ? 2 : 0) { for input in ports { try call(input) } }
        session.clearCounters()
        for _ in 0..<rounds {
          start = ContinuousClock.now
          // Short rounds are repeated, so that the clock does not matter.
          let length = max(1, benchCase.steps / 320)
          let repeats = max(1, 32 / (ports.count * benchCase.batch * length))
          for _ in 0..<repeats { for input in ports { try call(input) } }
          found.rounds.append(lap() / Double(repeats * ports.count))
        }
        found.peakBytes = ProcessMemory.peak
        session.clearCounters()
        for input in ports { try call(input) }
        try found.take(session, calls: ports.count)
      }
      found.outputs = try benchCase.outputs(session, inputs)
    }
    if rounds > 0 { try found.findWork(path, inputs: inputs) }
    return found
  }

  /// Sets `agreement` with the same calls' outputs of float32 weights.
  mutating func compare(with wide: [[Float]]) {
    agreement = fraction(equalTo: wide.flatMap(leaders))
  }

  /// Sets `accuracy` with what should be largest for each stream of each call.
  mutating func compare(withAnswers answers: [Int]) { accuracy = fraction(equalTo: answers) }

  private func fraction(equalTo others: [Int]) -> Double {
    let own = outputs.flatMap(leaders)
    return Double(zip(own, others).count { $0 == $1 }) / Double(max(1, own.count))
  }

  /// The place of the largest element of each row.
  private func leaders(_ values: [Float]) -> [Int] {
    let width = max(1, outputShape.count)
    return stride(from: 0, to: values.count, by: width).map { start in
      (0..<width).max { values[start + $0] < values[start + $1] } ?? 0
    }
  }

  private static func withPorts(
    _ arrays: ArraySlice<[Float]>, _ ports: [InputPorts], _ body: ([InputPorts]) throws -> Void
  ) throws {
    guard let first = arrays.first else { return try body(ports) }
    try InputPorts.with([first]) { port in
      try withPorts(arrays.dropFirst(), ports + [port], body)
    }
  }

  private mutating func take(_ session: Session, calls: Int) throws {
    let total = try session.totalCounters()
    let calls = Double(calls)
    spikes = Double(total.spikes) / calls
    macs = Double(total.macs) / calls
    acs = Double(total.acs) / calls
    denseOperations = Double(total.denseOperations) / calls
    neuronUpdates = Double(total.neuronUpdates) / calls
    kernels = session.kernelsUsed().map(\.rawValue).sorted()
    parameterBytes = session.plan.parameterByteCount
    sessionBytes = session.plan.arenaByteCount
    outputShape = session.plan.outputs[0].shape
    for (i, name) in session.plan.nodeNames.enumerated() {
      let counters = try session.counters(at: i)
      guard counters.spikes > 0, counters.rows > 0 else { continue }
      let places = Double(counters.rows) * Double(session.plan.nodeShapes[i].count)
      rates.append((name, Double(counters.spikes) / places))
    }
  }

  /// Counts what the floor is made of, with the first input and recordings of what feeds weights.
  private mutating func findWork(_ path: String, inputs: [[Float]]) throws {
    let model = try ModelFile.read(path).model
    let session = try model.compile(benchCase.options).makeSession()
    let linear = model.nodes.compactMap { node -> (name: String, weight: Tensor)? in
      if case .linear(let linear) = node.op { return (node.name, linear.weight) }
      return nil
    }
    let probes = try linear.map { node in
      let source = model.edges.first { $0.target == node.name }!.source
      return try session.makeProbe(source, capacity: benchCase.steps)
    }
    _ = try session.run(
      frames: benchCase.workload.frames(steps: benchCase.steps), [inputs[0]])
    for (node, probe) in zip(linear, probes) {
      let values = probe.values()
      let width = probe.shape.count
      var hasFired = [Bool](repeating: false, count: width)
      for start in stride(from: 0, to: values.count, by: width) {
        for i in 0..<width where values[start + i] != 0 { hasFired[i] = true }
      }
      let row = node.weight.count / max(1, width) * node.weight.element.byteCount
      work.touchedBytes += Double(hasFired.count { $0 } * row)
      work.networkBytes += Double(node.weight.bytes.count)
    }
    for node in model.nodes {
      guard let weight = node.op.weight else { continue }
      let counters = try session.counters(of: node.name)
      work.addedBytes += Double(counters.macs + counters.acs) * Double(weight.element.byteCount)
      guard case .convolution = node.op else { continue }
      work.touchedBytes += Double(weight.bytes.count)
      work.networkBytes += Double(weight.bytes.count)
    }
    try addLists(of: model, session, input: inputs[0])
    work.membranes = Double(try session.totalCounters().neuronUpdates)
    let input = inputs.joined()
    rates.insert(("input", Double(input.count { $0 != 0 }) / Double(input.count)), at: 0)
  }
}

extension BenchMeasurement {
  /// Adds the work of listed connections. Which inputs have fired is seen in sums over each frame, by
  /// output ports of their own: recordings of as many steps would not fit in memory.
  fileprivate mutating func addLists(
    of model: Model, _ session: Session, input: [Float]
  ) throws {
    var watched = model
    var lists: [(node: String, lists: SparseLinear, port: String)] = []
    for node in model.nodes {
      guard case .sparse(let sparse) = node.op else { continue }
      let port = "fired before \(node.name)"
      watched.nodes.append(.init(port, .output(shape: try Shape([sparse.pre]))))
      for edge in model.edges where edge.target == node.name {
        watched.edges.append(.init(edge.source, port))
      }
      lists.append((node.name, sparse, port))
    }
    guard !lists.isEmpty else { return }
    var options = benchCase.options
    options.frameOutput = .sum
    let plan = try watched.compile(options)
    let outputs = try plan.makeSession().run(
      frames: benchCase.workload.frames(steps: benchCase.steps), [input])
    for (node, lists, port) in lists {
      let each =
        Double(lists.postIndices.element.byteCount + lists.weight.element.byteCount)
        + (lists.delay_s.count > 1 ? Double(lists.delay_s.element.byteCount) : 0)
      let values = outputs[plan.outputs.firstIndex { $0.name == port }!]
      var hasFired = [Bool](repeating: false, count: lists.pre)
      for (i, value) in values.enumerated() where value != 0 { hasFired[i % lists.pre] = true }
      let touched = hasFired.indices.reduce(0) {
        $0 + (hasFired[$1] ? lists.row($1).count : 0)
      }
      work.touchedBytes += each * Double(touched)
      work.networkBytes += each * Double(lists.count) + Double(lists.rowStarts.bytes.count)
      let counters = try session.counters(of: node)
      work.addedBytes += (each + Floor.loadBytes) * Double(counters.macs + counters.acs)
    }
  }
}

extension Operator {
  /// The weights of a linear layer or convolution.
  fileprivate var weight: Tensor? {
    switch self {
    case .linear(let linear): linear.weight
    case .convolution(let convolution): convolution.weight
    default: nil
    }
  }
}
