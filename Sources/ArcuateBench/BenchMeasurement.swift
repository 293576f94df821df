import Arcuate
import ArcuateConsole

/// The measurements of one case.
struct BenchMeasurement {
  let benchCase: BenchCase
  /// Seconds per call, one value for each round.
  var rounds: [Double] = []
  /// Seconds from the file to the model, from the model to a session, and of the first call.
  var open_s = 0.0
  var compile_s = 0.0
  var first_s = 0.0
  /// Sums over a call, averaged over the calls of a round.
  var spikes = 0.0
  var macs = 0.0
  var acs = 0.0
  var denseOperations = 0.0
  var neuronUpdates = 0.0
  /// The fraction of inputs, and of each node's neurons, that are active in a step.
  var rates: [(node: String, rate: Double)] = []
  var kernels: [String] = []
  var parameterBytes = 0
  var sessionBytes = 0
  /// The peak of resident memory, and resident memory before the network was opened.
  var peakBytes: Int?
  var baseBytes: Int?
  var work = Floor.Work(touchedBytes: 0, networkBytes: 0, addedBytes: 0, membranes: 0)
  /// The outputs of each call of a round.
  var outputs: [[Float]] = []
  var outputShape: Shape = .scalar
  /// The fraction of output rows with the same argmax as with float32 weights.
  var agreement: Double?
  /// The fraction of output rows whose argmax is the label, for workloads with labels.
  var accuracy: Double?

  /// 0 without rounds.
  var median: Double {
    let sorted = rounds.sorted()
    guard !sorted.isEmpty else { return 0 }
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
}

extension BenchMeasurement {
  /// Runs the network in the file: a round is one call for each input, each from rest.
  ///
  /// Throws. As opening, compiling and running do.
  static func of(
    _ benchCase: BenchCase, _ path: String, inputs: [[Float]], rounds: Int
  ) throws -> BenchMeasurement {
    var found = BenchMeasurement(benchCase: benchCase)
    let workload = benchCase.workload
    let frames = workload.frames(steps: benchCase.steps)
    // The inputs are copied into ports before memory is measured, and not between calls.
    try withPorts(inputs[...], []) { ports in
      ProcessMemory.resetPeak()
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
          // Short rounds are repeated, so that reading the clock does not matter.
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
    if rounds > 0 { try found.countWork(path, inputs: inputs) }
    return found
  }

  /// Sets `agreement`, from the outputs of the same calls with float32 weights.
  mutating func compare(with wide: [[Float]]) {
    agreement = fraction(equalTo: wide.flatMap(argmax))
  }

  /// Sets `accuracy`, from the labels of each stream of each call.
  mutating func compare(withLabels labels: [Int]) { accuracy = fraction(equalTo: labels) }

  private func fraction(equalTo others: [Int]) -> Double {
    let own = outputs.flatMap(argmax)
    return Double(zip(own, others).count { $0 == $1 }) / Double(max(1, own.count))
  }

  /// The index of the largest element of each row.
  private func argmax(_ values: [Float]) -> [Int] {
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
    kernels = session.kernelsUsed().map(\.name).sorted()
    parameterBytes = session.plan.parameterByteCount
    sessionBytes = session.plan.arenaByteCount
    outputShape = session.plan.outputs[0].shape
    for (i, name) in session.plan.nodeNames.enumerated() {
      let counters = try session.counters(at: i)
      guard counters.spikes > 0, counters.rows > 0 else { continue }
      let neuronSteps = Double(counters.rows) * Double(session.plan.nodeShapes[i].count)
      rates.append((name, Double(counters.spikes) / neuronSteps))
    }
  }

  /// Counts the work for the floor, on the first input, with recordings of the inputs of weights.
  private mutating func countWork(_ path: String, inputs: [[Float]]) throws {
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
  /// Adds the work of connection lists. Extra output ports show which inputs have fired, by sums over
  /// each frame: recordings of all steps would not fit in memory.
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
  /// The weights of a linear or convolution node.
  fileprivate var weight: Tensor? {
    switch self {
    case .linear(let linear): linear.weight
    case .convolution(let convolution): convolution.weight
    default: nil
    }
  }
}
