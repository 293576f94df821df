import Arcuate
import CArcuate

@c @implementation
public func arcuate_compile_options_init(
  _ options: UnsafeMutablePointer<arcuate_compile_options>?
) {
  options?.pointee = compileDefaults
}

/// Zeros, which follow the model.
private var compileDefaults: arcuate_compile_options {
  var options = arcuate_compile_options()
  options.struct_size = MemoryLayout<arcuate_compile_options>.size
  return options
}

extension CompileOptions.FrameState: HeaderConstant {
  static var constants: ClosedRange<Int32> {
    ARCUATE_FRAME_STATE_KEEP...ARCUATE_FRAME_STATE_RESET
  }

  init?(c value: Int32) {
    switch value {
    case ARCUATE_FRAME_STATE_KEEP: self = .keep
    case ARCUATE_FRAME_STATE_RESET: self = .reset
    default: return nil
    }
  }

  var c: arcuate_frame_state {
    switch self {
    case .keep: ARCUATE_FRAME_STATE_KEEP
    case .reset: ARCUATE_FRAME_STATE_RESET
    }
  }
}

extension CompileOptions.FrameInput: HeaderConstant {
  static var constants: ClosedRange<Int32> {
    ARCUATE_FRAME_INPUT_HOLD...ARCUATE_FRAME_INPUT_FIRST
  }

  init?(c value: Int32) {
    switch value {
    case ARCUATE_FRAME_INPUT_HOLD: self = .hold
    case ARCUATE_FRAME_INPUT_FIRST: self = .first
    default: return nil
    }
  }

  var c: arcuate_frame_input {
    switch self {
    case .hold: ARCUATE_FRAME_INPUT_HOLD
    case .first: ARCUATE_FRAME_INPUT_FIRST
    }
  }
}

extension CompileOptions.FrameOutput: HeaderConstant {
  static var constants: ClosedRange<Int32> {
    ARCUATE_FRAME_OUTPUT_LAST...ARCUATE_FRAME_OUTPUT_EVERY
  }

  init?(c value: Int32) {
    switch value {
    case ARCUATE_FRAME_OUTPUT_LAST: self = .last
    case ARCUATE_FRAME_OUTPUT_SUM: self = .sum
    case ARCUATE_FRAME_OUTPUT_MEAN: self = .mean
    case ARCUATE_FRAME_OUTPUT_EVERY: self = .every
    default: return nil
    }
  }

  var c: arcuate_frame_output {
    switch self {
    case .last: ARCUATE_FRAME_OUTPUT_LAST
    case .sum: ARCUATE_FRAME_OUTPUT_SUM
    case .mean: ARCUATE_FRAME_OUTPUT_MEAN
    case .every: ARCUATE_FRAME_OUTPUT_EVERY
    }
  }
}

extension CompileOptions.Numerics: HeaderConstant {
  static var constants: ClosedRange<Int32> {
    ARCUATE_NUMERICS_EXACT...ARCUATE_NUMERICS_FAST
  }

  init?(c value: Int32) {
    switch value {
    case ARCUATE_NUMERICS_EXACT: self = .exact
    case ARCUATE_NUMERICS_FAST: self = .fast
    default: return nil
    }
  }

  var c: arcuate_numerics {
    switch self {
    case .exact: ARCUATE_NUMERICS_EXACT
    case .fast: ARCUATE_NUMERICS_FAST
    }
  }
}

func compileOptions(
  _ pointer: UnsafePointer<arcuate_compile_options>?
) throws -> CompileOptions {
  let given = try options(
    pointer, defaults: compileDefaults, least: MemoryLayout<arcuate_compile_options>.size,
    "options")
  var result = CompileOptions()
  if given.dt_s != 0 { result.dt_s = given.dt_s }
  if given.steps_per_frame != 0 { result.stepsPerFrame = Int(widening: given.steps_per_frame) }
  if let state = try CompileOptions.FrameState.optional(c: given.frame_state, "frame_state") {
    result.frameState = state
  }
  if let input = try CompileOptions.FrameInput.optional(c: given.frame_input, "frame_input") {
    result.frameInput = input
  }
  if let output = try CompileOptions.FrameOutput.optional(c: given.frame_output, "frame_output") {
    result.frameOutput = output
  }
  if given.batch != 0 { result.batch = Int(widening: given.batch) }
  if given.threads != 0 { result.threads = Int(widening: given.threads) }
  let numerics = try CompileOptions.Numerics(c: given.numerics, "numerics")
  if numerics != result.numerics { result.numerics = numerics }
  if given.max_session_bytes != 0 {
    result.maxSessionBytes = Int(clamping: given.max_session_bytes)
  }
  return result
}

/// The options as C has them, in a struct of the caller's that states its size.
private func copyOut(
  _ options: CompileOptions, dt_s: Double?, to result: UnsafeMutablePointer<arcuate_compile_options>
) throws {
  let size = try statedSize(
    result, least: MemoryLayout<arcuate_compile_options>.size, "options")
  result.pointee = arcuate_compile_options(
    struct_size: size, dt_s: dt_s ?? 0, steps_per_frame: Int32(clamping: options.stepsPerFrame),
    frame_state: options.frameState.c, frame_input: options.frameInput.c,
    frame_output: options.frameOutput.c, batch: Int32(clamping: options.batch),
    threads: Int32(clamping: options.threads), numerics: options.numerics.c,
    max_session_bytes: UInt64(clamping: options.maxSessionBytes))
}

@c @implementation
public func arcuate_compile_options_from_model(
  _ model: OpaquePointer?, _ options: UnsafeMutablePointer<arcuate_compile_options>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(options, "options")
    var defaults = compileDefaults
    try copyOut(try CompileOptions(for: handle.model), dt_s: handle.model.dt_s, to: &defaults)
    result.pointee = defaults
  }
}

@c @implementation
public func arcuate_plan_options(
  _ plan: OpaquePointer?, _ options: UnsafeMutablePointer<arcuate_compile_options>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(PlanHandle.self, plan), "plan")
    try copyOut(handle.plan.options, dt_s: handle.plan.dt_s, to: try required(options, "options"))
  }
}

@c @implementation
public func arcuate_plan_create(
  _ model: OpaquePointer?, _ options: UnsafePointer<arcuate_compile_options>?,
  _ plan: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(plan, "plan")
    let made = PlanHandle(try handle.compile(try compileOptions(options)))
    // Those that depend on the options, such as the length of a step.
    let known = Set(handle.findings.map(\.finding))
    for finding in made.findings where !known.contains(finding.finding) { finding.log() }
    result.pointee = retain(made)
  }
}

@c @implementation
public func arcuate_plan_free(_ plan: OpaquePointer?) { release(PlanHandle.self, plan) }

@c @implementation
public func arcuate_plan_explain(_ plan: OpaquePointer?) -> UnsafePointer<CChar>? {
  object(PlanHandle.self, plan)?.explanation.pointer
}

@c @implementation
public func arcuate_plan_dt(_ plan: OpaquePointer?) -> Double {
  object(PlanHandle.self, plan)?.plan.dt_s ?? 0
}

@c @implementation
public func arcuate_plan_steps_per_frame(_ plan: OpaquePointer?) -> Int32 {
  Int32(clamping: object(PlanHandle.self, plan)?.plan.options.stepsPerFrame ?? 0)
}

@c @implementation
public func arcuate_plan_batch(_ plan: OpaquePointer?) -> Int32 {
  Int32(clamping: object(PlanHandle.self, plan)?.plan.options.batch ?? 0)
}

// MARK: Ports

@c @implementation
public func arcuate_plan_input_count(_ plan: OpaquePointer?) -> Int {
  object(PlanHandle.self, plan)?.inputs.count ?? 0
}

@c @implementation
public func arcuate_plan_output_count(_ plan: OpaquePointer?) -> Int {
  object(PlanHandle.self, plan)?.outputs.count ?? 0
}

/// The element at `index` of a list of the plan, or nil.
private func element<T>(
  _ plan: OpaquePointer?, _ index: Int, _ list: (PlanHandle) -> [T]
) -> T? {
  guard let handle = object(PlanHandle.self, plan) else { return nil }
  let all = list(handle)
  return all.indices.contains(index) ? all[index] : nil
}

@c @implementation
public func arcuate_plan_input_name(_ plan: OpaquePointer?, _ port: Int) -> UnsafePointer<CChar>? {
  element(plan, port, \.inputs)?.pointer
}

@c @implementation
public func arcuate_plan_output_name(_ plan: OpaquePointer?, _ port: Int) -> UnsafePointer<CChar>? {
  element(plan, port, \.outputs)?.pointer
}

@c @implementation
public func arcuate_plan_input_size(_ plan: OpaquePointer?, _ port: Int) -> Int {
  element(plan, port, \.plan.inputs)?.shape.count ?? 0
}

@c @implementation
public func arcuate_plan_output_size(_ plan: OpaquePointer?, _ port: Int) -> Int {
  element(plan, port, \.plan.outputs)?.shape.count ?? 0
}

@c @implementation
public func arcuate_plan_input_shape(
  _ plan: OpaquePointer?, _ port: Int, _ extents: UnsafeMutablePointer<Int>?, _ capacity: Int
) -> Int {
  copyOut(element(plan, port, \.plan.inputs)?.shape, to: extents, capacity)
}

@c @implementation
public func arcuate_plan_output_shape(
  _ plan: OpaquePointer?, _ port: Int, _ extents: UnsafeMutablePointer<Int>?, _ capacity: Int
) -> Int {
  copyOut(element(plan, port, \.plan.outputs)?.shape, to: extents, capacity)
}

// MARK: Nodes

@c @implementation
public func arcuate_plan_node_count(_ plan: OpaquePointer?) -> Int {
  object(PlanHandle.self, plan)?.nodes.count ?? 0
}

@c @implementation
public func arcuate_plan_node_name(_ plan: OpaquePointer?, _ index: Int) -> UnsafePointer<CChar>? {
  element(plan, index, \.nodes)?.pointer
}

@c @implementation
public func arcuate_plan_node_kind(_ plan: OpaquePointer?, _ index: Int) -> UnsafePointer<CChar>? {
  element(plan, index, \.kinds)?.pointer
}

@c @implementation
public func arcuate_plan_node_shape(
  _ plan: OpaquePointer?, _ index: Int, _ extents: UnsafeMutablePointer<Int>?, _ capacity: Int
) -> Int {
  copyOut(element(plan, index, \.nodeShapes), to: extents, capacity)
}

@c @implementation
public func arcuate_plan_find_node(_ plan: OpaquePointer?, _ name: UnsafePointer<CChar>?) -> Int64 {
  guard let handle = object(PlanHandle.self, plan), let name = try? text(name, "name"),
    let index = handle.plan.nodeNames.firstIndex(of: name)
  else { return -1 }
  return Int64(clamping: index)
}
