import ArcuateC
import ArcuateCore
import ArcuateFormats
import ArcuateModel
import CArcuate

/// Bytes as a program: each says which function of the C interface comes next, the ones after it
/// are its arguments, among them NULL, sizes that do not fit and states that nobody wrote.
///
/// Handles are freed in whatever order comes up. Nothing may trap; a failure must come with a
/// status, and with an error exactly where one is asked for.
@Sendable func fuzzCalls(_ bytes: Bytes) throws {
  var program = Program(bytes: bytes)
  while !program.isOver { program.call() }
  program.end()
}

/// Small networks as files: dense and spiking, recurrent, two-dimensional.
private let files: [[UInt8]] = {
  func vector(_ values: Float...) -> Tensor { Tensor(vector: values) }
  let square = try! Tensor([1, -1, 0.5, 2], shape: [2, 2])
  let lif = Neuron(
    .lif, tauMembrane: vector(0.01, 0.02), resistance: vector(1, 1), leak: vector(0, 0),
    threshold: vector(0.1, 0.2), resetValue: vector(0, 0))
  let chain = Model.chain([
    ("in", .input(shape: [2])), ("w", .linear(Linear(weight: square, bias: vector(0, 1)))),
    ("n", .neuron(lif)), ("out", .output(shape: [2])),
  ])
  var loop = chain
  loop.edges.append(.init("n", "w"))
  let image = Model.chain([
    ("in", .input(shape: [1, 3, 3])),
    (
      "c",
      .convolution(
        Convolution(
          inputShape: [3, 3], weight: .filled(0.5, shape: [2, 1, 2, 2]), stride: [1, 1],
          padding: .explicit([1, 1]), dilation: [1, 1]))
    ),
    ("flat", .flatten(Flatten(start: 0, end: 2))), ("out", .output(shape: [32])),
  ])
  return [chain, loop, image].map { (try? NIRFile.encode($0)) ?? [] } + [[1, 2, 3], []]
}()

/// The files that are models, opened once: reading them would take most of the time.
private nonisolated(unsafe) let opened: [OpaquePointer?] = files.map { file in
  var model: OpaquePointer?
  _ = arcuate_model_from_memory(file, file.count, nil, &model, nil)
  return model
}

private struct Program {
  let bytes: Bytes
  var at = 0
  var models: [OpaquePointer?] = [nil, nil]
  var plans: [OpaquePointer?] = [nil, nil]
  var sessions: [OpaquePointer?] = [nil, nil, nil]
  var probes: [OpaquePointer?] = [nil, nil]
  var snapshot: [UInt8] = []

  init(bytes: Bytes) { self.bytes = bytes }

  var isOver: Bool { at >= bytes.count }

  mutating func byte() -> Int {
    defer { at += 1 }
    return Int((try? bytes.byte(at: at)) ?? 0)
  }

  /// Mostly small, now and then extreme.
  mutating func size() -> Int {
    let value = byte()
    switch value {
    case 255: return .max
    case 254: return 1 << 40
    case 253: return 1 << 62
    default: return value
    }
  }

  mutating func number() -> Float {
    [0, 1, -1, 0.5, 1e30, .nan, .infinity, -0.0][byte() & 7]
  }

  mutating func name() -> String? {
    ["n", "w", "c", "in", "out", "", "reset", "preset", nil][byte() % 9]
  }

  /// Calls `body` with a place for an error, or with none, and checks what came of it.
  mutating func check(
    _ body: (UnsafeMutablePointer<OpaquePointer?>?) -> arcuate_status
  ) {
    guard byte() & 1 == 1 else {
      _ = body(nil)
      return
    }
    var error: OpaquePointer?
    let status = body(&error)
    guard (status == 0) == (error == nil) else { fatalError("status \(status), error or none") }
    guard arcuate_error_status(error) == status, arcuate_error_message(error) != nil else {
      fatalError("the error has another status")
    }
    arcuate_error_free(error)
  }

  mutating func call() {
    let (m, p, s, r) = (byte() & 1, byte() & 1, byte() % 3, byte() & 1)
    let (model, plan, session, probe) = (models[m], plans[p], sessions[s], probes[r])
    let which = byte()
    // What came later has few numbers, so that the others keep theirs.
    switch which >= 252 ? 24 : which == 251 ? 25 : which % 24 {
    case 0, 1: open(m)
    case 2:
      arcuate_model_free(model)
      models[m] = nil
    case 3:
      let (field, value) = (name(), name())
      check { arcuate_model_set_semantics(model, field, value, $0) }
    case 4: check { arcuate_model_fold_batch_norm(model, $0) }
    case 5:
      let index = size()
      _ = arcuate_model_dt(model)
      _ = arcuate_model_node_name(model, index)
      _ = arcuate_model_node_kind(model, index)
      _ = arcuate_model_finding_count(model)
      _ = arcuate_model_finding_severity(model, index)
      _ = arcuate_model_finding_location(model, index)
      _ = arcuate_model_finding_message(model, index)
    case 6, 7: compile(model, p)
    case 8:
      arcuate_plan_free(plan)
      plans[p] = nil
    case 9:
      let index = size()
      var extents = [Int](repeating: 0, count: 4)
      _ = arcuate_plan_explain(plan)
      _ = arcuate_plan_input_name(plan, index)
      _ = arcuate_plan_output_size(plan, index)
      _ = arcuate_plan_input_shape(plan, index, &extents, byte() % 5)
      _ = arcuate_plan_output_shape(plan, index, nil, 0)
      _ = arcuate_plan_node_name(plan, index)
      _ = arcuate_plan_node_kind(plan, index)
      _ = arcuate_plan_find_node(plan, name())
    case 10, 11:
      var made: OpaquePointer?
      check { arcuate_session_create(plan, &made, $0) }
      arcuate_session_free(session)
      sessions[s] = made
    case 12:
      arcuate_session_free(session)
      sessions[s] = nil
    case 13, 14, 15: run(session, plan)
    case 16: events(session)
    case 17:
      _ = arcuate_session_reset(session)
      _ = arcuate_session_reset_stream(session, size())
    case 18: save(session)
    case 19:
      // Garbage now and then: a byte of the snapshot is changed, or its length.
      var block = snapshot
      if byte() & 1 == 1, !block.isEmpty { block[byte() % block.count] ^= UInt8(byte() & 255) }
      let length = byte() & 1 == 1 ? block.count : min(block.count, byte())
      check { arcuate_session_restore(session, block, length, $0) }
    case 20:
      var made: OpaquePointer?
      let target = byte() % 3
      check { arcuate_session_clone(session, &made, $0) }
      arcuate_session_free(sessions[target])
      sessions[target] = made
    case 21:
      var counters = arcuate_counters()
      counters.struct_size = byte() % (MemoryLayout<arcuate_counters>.size + 1)
      let (node, stream) = (Int64(byte()) - 2, Int64(byte()) - 2)
      _ = arcuate_session_counters(session, node, stream, &counters)
      _ = arcuate_session_clear_counters(session)
      var text = [CChar](repeating: 0, count: 16)
      _ = arcuate_session_kernels(session, &text, byte() % 17)
      _ = arcuate_session_last_error(session)
    case 24: quantize(model, 1 - m)
    case 25: program(model)
    case 22:
      var made: OpaquePointer?
      let (node, quantity, capacity) = (name(), Int32(byte()) - 1, size())
      check { arcuate_probe_create(session, node, quantity, capacity, &made, $0) }
      arcuate_probe_free(probe)
      probes[r] = made
    default:
      let count = min(arcuate_probe_count(probe), 1 << 16)
      var values = [Float](repeating: 0, count: count + 1)
      let room = byte() & 1 == 1 ? count : min(byte(), count)
      check { arcuate_probe_read(probe, &values, room, $0) }
      _ = arcuate_probe_steps(probe) + arcuate_probe_missed(probe) + arcuate_probe_size(probe)
      if byte() & 1 == 1 { _ = arcuate_probe_clear(probe) }
    }
  }

  /// A program for a node, and one of its parameters.
  private mutating func program(_ model: OpaquePointer?) {
    let texts = [
      "state v\nv = exp(-dt / tau) * v + w * x\nspike = v > 1\nv = spike ? 0 : v",
      "parameter w = 2\nvalue = w * x + uniform()", "input a, b\ncount = a + b", "value = (x", "",
    ]
    let (node, text) = (name(), texts[byte() % texts.count])
    check { arcuate_model_set_program(model, node, text, $0) }
    _ = arcuate_model_program(model, node)
    let (parameter, count) = (name(), size())
    let values = [Float](repeating: number(), count: 256)
    check { arcuate_model_set_parameter(model, node, parameter, values, count, $0) }
  }

  private mutating func open(_ m: Int) {
    if byte() & 15 != 15 {
      let copy = arcuate_model_copy(opened[byte() % opened.count])
      arcuate_model_free(models[m])
      models[m] = copy
      return
    }
    var options = arcuate_read_options()
    arcuate_read_options_init(&options)
    options.strict = Int32(byte() & 1)
    options.dt_s = [0, 0.001, -1, .nan][byte() & 3]
    let file = files[byte() % files.count]
    let length = byte() == 7 ? file.count / 2 : file.count
    var made: OpaquePointer?
    check { arcuate_model_from_memory(file, length, &options, &made, $0) }
    arcuate_model_free(models[m])
    models[m] = made
  }

  private mutating func quantize(_ model: OpaquePointer?, _ m: Int) {
    var options = arcuate_quantization_options()
    arcuate_quantization_options_init(&options)
    options.element = Int32(byte() % 5) - 1
    options.keep_first = Int32(byte() % 3)
    options.keep_batch_norm = Int32(byte() & 1)
    options.frames = size()
    // Two or nine numbers a frame are what the networks take.
    let perFrame = [2, 9, 1, 0][byte() & 3]
    let numbers = (0..<min(options.frames, 64) * perFrame).map { _ in number() }
    let isTrue = byte() & 1 == 1
    let count = isTrue ? numbers.count : size()
    var compiling = arcuate_compile_options()
    arcuate_compile_options_init(&compiling)
    compiling.dt_s = [0.001, 0.001, 0, .nan][byte() & 3]
    compiling.steps_per_frame = Int32(byte() % 5)
    compiling.frame_state = Int32(byte() % 3)
    let keep = name()
    var made: OpaquePointer?
    numbers.withUnsafeBufferPointer { numbers in
      // Where the count is a lie, nothing is there.
      let addresses = [isTrue ? numbers.baseAddress : nil]
      addresses.withUnsafeBufferPointer { inputs in
        withUnsafePointer(to: count) { counts in
          withUnsafePointer(to: compiling) { compiling in
            (keep ?? "").withCString { name in
              withUnsafePointer(to: Optional(name)) { names in
                options.inputs = inputs.baseAddress
                options.input_counts = counts
                options.compile = compiling
                options.keep = names
                options.keep_count = keep == nil ? 0 : 1
                check { arcuate_model_quantize(model, &options, &made, $0) }
              }
            }
          }
        }
      }
    }
    _ = arcuate_model_quantization(made)
    var node = arcuate_quantized_node()
    node.struct_size = byte() % (MemoryLayout<arcuate_quantized_node>.size + 1)
    _ = arcuate_model_quantized_node(made, size(), &node)
    if byte() & 1 == 1 {
      arcuate_model_free(models[m])
      models[m] = made
      return
    }
    var wide: OpaquePointer?
    check { arcuate_model_dequantize(made, &wide, $0) }
    arcuate_model_free(wide)
    arcuate_model_free(made)
  }

  private mutating func compile(_ model: OpaquePointer?, _ p: Int) {
    var options = arcuate_compile_options()
    arcuate_compile_options_init(&options)
    if byte() & 7 == 0 { options.struct_size = byte() % (options.struct_size + 1) }
    options.dt_s = [0, 0.001, 0.001, 0.001, -1, .nan, 1e300, 1e-300][byte() & 7]
    options.steps_per_frame = Int32(byte() & 7)
    options.frame_state = Int32(byte() % 3)
    options.frame_input = Int32(byte() % 3)
    options.frame_output = Int32(byte() % 5)
    options.batch = Int32(byte() & 3)
    options.threads = byte() == 255 ? 2 : Int32(byte() & 1)
    options.numerics = Int32(byte() % 3)
    var made: OpaquePointer?
    check { arcuate_plan_create(model, &options, &made, $0) }
    arcuate_plan_free(plans[p])
    plans[p] = made
  }

  private mutating func run(_ session: OpaquePointer?, _ plan: OpaquePointer?) {
    let frames = byte() & 7
    // Sizes are those of a plan that may be another's.
    let steps = Int(arcuate_plan_steps_per_frame(plan))
    let batch = Int(arcuate_plan_batch(plan))
    let off = byte() == 9 ? 1 : 0
    let inputCount = frames * batch * arcuate_plan_input_size(plan, 0) + off
    let every = byte() & 1 == 1 ? steps : 1
    let outputCount = frames * every * batch * arcuate_plan_output_size(plan, 0)
    let value = number()
    let input = [Float](repeating: value, count: inputCount + 1)
    var output = [Float](repeating: 0, count: outputCount + 1)
    let mode = byte()
    input.withUnsafeBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        let inputs = [mode & 1 == 1 ? nil : input.baseAddress]
        let outputs = [mode & 2 == 2 ? nil : output.baseAddress]
        let counts = ([inputCount], [outputCount])
        if mode & 4 == 4 {
          _ = arcuate_session_step(
            session, inputs, counts.0, mode & 8 == 8 ? nil : outputs, counts.1)
        } else {
          _ = arcuate_session_run(
            session, frames, mode & 16 == 16 ? nil : inputs, counts.0,
            mode & 8 == 8 ? nil : outputs, mode & 32 == 32 ? nil : counts.1)
        }
      }
    }
  }

  private mutating func events(_ session: OpaquePointer?) {
    let list = (0..<byte() & 7).map { _ in
      arcuate_event(
        step: UInt32(byte() & 15), stream: UInt16(byte() & 3), port: UInt16(byte() & 1),
        index: UInt32(byte() & 15), value: number())
    }
    let steps = byte() & 31
    let capacity = byte()
    var output = [arcuate_event](repeating: arcuate_event(), count: capacity + 1)
    var (done, used, written) = (0, 0, 0)
    _ = arcuate_session_run_events(
      session, list, list.count, steps, &output, capacity, &done, &used, &written)
  }

  private mutating func save(_ session: OpaquePointer?) {
    let count = arcuate_session_snapshot_size(session)
    guard count < 1 << 20 else { return }
    var block = [UInt8](repeating: 0, count: count + 1)
    let length = byte() & 3 == 0 ? count / 2 : count
    check { arcuate_session_save(session, &block, length, $0) }
    snapshot = Array(block[..<count])
  }

  func end() {
    for model in models { arcuate_model_free(model) }
    for plan in plans { arcuate_plan_free(plan) }
    for probe in probes { arcuate_probe_free(probe) }
    for session in sessions { arcuate_session_free(session) }
  }
}
