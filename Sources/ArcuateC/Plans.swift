import Arcuate
import CArcuate

@c @implementation
public func arcuate_compile_options_init(
  _ options: UnsafeMutablePointer<arcuate_compile_options>?
) {
  options?.pointee = compileDefaults
}

private var compileDefaults: arcuate_compile_options {
  arcuate_compile_options(
    struct_size: MemoryLayout<arcuate_compile_options>.size, dt_s: 0, steps_per_frame: 1,
    frame_state: ARCUATE_FRAME_STATE_KEEP, frame_input: ARCUATE_FRAME_INPUT_HOLD,
    frame_output: ARCUATE_FRAME_OUTPUT_LAST, batch: 1, threads: 1,
    numerics: ARCUATE_NUMERICS_EXACT, reserved: 0)
}

func compileOptions(
  _ pointer: UnsafePointer<arcuate_compile_options>?
) throws -> CompileOptions {
  let given = try options(
    pointer, defaults: compileDefaults, least: MemoryLayout<arcuate_compile_options>.size,
    "options")
  try reservedIsZero(given.reserved)
  var result = CompileOptions()
  if given.dt_s != 0 { result.dt_s = given.dt_s }
  result.stepsPerFrame = Int(given.steps_per_frame)
  // The header lists the values in the order of the cases.
  result.frameState = try choice(given.frame_state, "frame_state", CompileOptions.FrameState.self)
  result.frameInput = try choice(given.frame_input, "frame_input", CompileOptions.FrameInput.self)
  result.frameOutput = try choice(
    given.frame_output, "frame_output", CompileOptions.FrameOutput.self)
  result.batch = Int(given.batch)
  result.threads = Int(given.threads)
  result.numerics = try choice(given.numerics, "numerics", CompileOptions.Numerics.self)
  return result
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
