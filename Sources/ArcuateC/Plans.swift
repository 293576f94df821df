import Arcuate
import CArcuate

@c @implementation
public func arcuate_compile_options_init(
  _ options: UnsafeMutablePointer<arcuate_compile_options>?
) {
  options?.pointee = compileDefaults
}

/// Zeros follow the model.
private var compileDefaults: arcuate_compile_options {
  var options = arcuate_compile_options()
  options.struct_size = MemoryLayout<arcuate_compile_options>.size
  return options
}

extension CompileOptions.FrameState {
  /// Nil for the default.
  fileprivate static func from(_ value: Int32) throws -> Self? {
    switch value {
    case ARCUATE_FRAME_STATE_DEFAULT: nil
    case ARCUATE_FRAME_STATE_KEEP: .keep
    case ARCUATE_FRAME_STATE_RESET: .reset
    default: throw noSuchValue(value, "frame_state", 0...2)
    }
  }

  fileprivate var value: Int32 {
    switch self {
    case .keep: ARCUATE_FRAME_STATE_KEEP
    case .reset: ARCUATE_FRAME_STATE_RESET
    }
  }
}

extension CompileOptions.FrameInput {
  /// Nil for the default.
  fileprivate static func from(_ value: Int32) throws -> Self? {
    switch value {
    case ARCUATE_FRAME_INPUT_DEFAULT: nil
    case ARCUATE_FRAME_INPUT_HOLD: .hold
    case ARCUATE_FRAME_INPUT_FIRST: .first
    default: throw noSuchValue(value, "frame_input", 0...2)
    }
  }

  fileprivate var value: Int32 {
    switch self {
    case .hold: ARCUATE_FRAME_INPUT_HOLD
    case .first: ARCUATE_FRAME_INPUT_FIRST
    }
  }
}

extension CompileOptions.FrameOutput {
  /// Nil for the default.
  fileprivate static func from(_ value: Int32) throws -> Self? {
    switch value {
    case ARCUATE_FRAME_OUTPUT_DEFAULT: nil
    case ARCUATE_FRAME_OUTPUT_LAST: .last
    case ARCUATE_FRAME_OUTPUT_SUM: .sum
    case ARCUATE_FRAME_OUTPUT_MEAN: .mean
    case ARCUATE_FRAME_OUTPUT_EVERY: .every
    default: throw noSuchValue(value, "frame_output", 0...4)
    }
  }

  fileprivate var value: Int32 {
    switch self {
    case .last: ARCUATE_FRAME_OUTPUT_LAST
    case .sum: ARCUATE_FRAME_OUTPUT_SUM
    case .mean: ARCUATE_FRAME_OUTPUT_MEAN
    case .every: ARCUATE_FRAME_OUTPUT_EVERY
    }
  }
}

extension CompileOptions.Numerics {
  fileprivate static func from(_ value: Int32) throws -> Self {
    switch value {
    case ARCUATE_NUMERICS_EXACT: .exact
    case ARCUATE_NUMERICS_FAST: .fast
    default: throw noSuchValue(value, "numerics", 0...1)
    }
  }

  fileprivate var value: Int32 {
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
  if given.steps_per_frame != 0 { result.stepsPerFrame = Int(given.steps_per_frame) }
  if let state = try CompileOptions.FrameState.from(given.frame_state) { result.frameState = state }
  if let input = try CompileOptions.FrameInput.from(given.frame_input) { result.frameInput = input }
  if let output = try CompileOptions.FrameOutput.from(given.frame_output) {
    result.frameOutput = output
  }
  if given.batch != 0 { result.batch = Int(given.batch) }
  if given.threads != 0 { result.threads = Int(given.threads) }
  let numerics = try CompileOptions.Numerics.from(given.numerics)
  if numerics != result.numerics { result.numerics = numerics }
  return result
}

/// The options as C has them, in a struct of the caller's that states its size.
private func give(
  _ options: CompileOptions, dt_s: Double?, to result: UnsafeMutablePointer<arcuate_compile_options>
) throws {
  let size = try givenSize(result, least: MemoryLayout<arcuate_compile_options>.size)
  result.pointee = arcuate_compile_options(
    struct_size: size, dt_s: dt_s ?? 0, steps_per_frame: Int32(clamping: options.stepsPerFrame),
    frame_state: options.frameState.value, frame_input: options.frameInput.value,
    frame_output: options.frameOutput.value, batch: Int32(clamping: options.batch),
    threads: Int32(clamping: options.threads), numerics: options.numerics.value)
}

@c @implementation
public func arcuate_compile_options_from_model(
  _ model: OpaquePointer?, _ options: UnsafeMutablePointer<arcuate_compile_options>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(options, "options")
    var defaults = compileDefaults
    try give(try CompileOptions(for: handle.model), dt_s: handle.model.dt_s, to: &defaults)
    result.pointee = defaults
  }
}

@c @implementation
public func arcuate_plan_options(
  _ plan: OpaquePointer?, _ options: UnsafeMutablePointer<arcuate_compile_options>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let handle = try required(object(PlanHandle.self, plan), "plan")
    try give(handle.plan.options, dt_s: handle.plan.dt_s, to: try required(options, "options"))
  }
}

@c @implementation
public func arcuate_plan_create(
  _ model: OpaquePointer?, _ options: UnsafePointer<arcuate_compile_options>?,
  _ plan: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(plan, "plan")
    result.pointee = handOut(PlanHandle(try handle.model.compile(try compileOptions(options))))
  }
}

@c @implementation
public func arcuate_plan_free(_ plan: OpaquePointer?) { takeBack(PlanHandle.self, plan) }

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
  Int32(object(PlanHandle.self, plan)?.plan.options.stepsPerFrame ?? 0)
}

@c @implementation
public func arcuate_plan_batch(_ plan: OpaquePointer?) -> Int32 {
  Int32(object(PlanHandle.self, plan)?.plan.options.batch ?? 0)
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

func give(
  _ shape: Shape?, to extents: UnsafeMutablePointer<Int>?, _ capacity: Int
) -> Int {
  guard let shape else { return 0 }
  if let extents {
    // SAFETY: the caller says there is room for `capacity` extents. A size_t beyond what an Int
    // holds arrives as a negative number and is room enough.
    let room = capacity < 0 ? shape.rank : min(capacity, shape.rank)
    for axis in 0..<room { extents[axis] = shape[axis] }
  }
  return shape.rank
}

@c @implementation
public func arcuate_plan_input_shape(
  _ plan: OpaquePointer?, _ port: Int, _ extents: UnsafeMutablePointer<Int>?, _ capacity: Int
) -> Int {
  give(element(plan, port, \.plan.inputs)?.shape, to: extents, capacity)
}

@c @implementation
public func arcuate_plan_output_shape(
  _ plan: OpaquePointer?, _ port: Int, _ extents: UnsafeMutablePointer<Int>?, _ capacity: Int
) -> Int {
  give(element(plan, port, \.plan.outputs)?.shape, to: extents, capacity)
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
  give(element(plan, index, \.nodeShapes), to: extents, capacity)
}

@c @implementation
public func arcuate_plan_find_node(_ plan: OpaquePointer?, _ name: UnsafePointer<CChar>?) -> Int64 {
  guard let handle = object(PlanHandle.self, plan), let name = try? text(name, "name"),
    let index = handle.plan.nodeNames.firstIndex(of: name)
  else { return -1 }
  return Int64(index)
}
