import ArcuateC
import ArcuateCore
import CArcuate
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The first byte is the number of blocks that the allocator grants, the rest is a model. Reading,
/// compiling and creating sessions return a status, OUT_OF_MEMORY only if a block was refused. Objects
/// created before can still be used and freed.
@Sendable func fuzzOutOfMemory(_ bytes: Bytes) throws {
  guard bytes.count > 1 else { return }
  let allowed = Int((try? bytes.byte(at: 0)) ?? 0)
  left.store(.max, ordering: .relaxed)
  refused.store(0, ordering: .relaxed)
  guard isSet else { fatalError("the allocator was not set") }
  left.store(allowed, ordering: .relaxed)
  defer { left.store(.max, ordering: .relaxed) }
  func check(_ status: arcuate_status, _ before: Int) {
    let isRefused = refused.load(ordering: .relaxed) > before
    guard (status == outOfMemory) == isRefused || status != outOfMemory else {
      fatalError("OUT_OF_MEMORY although every block was given")
    }
    guard !isRefused || status != 0 else {
      fatalError("success although a block was refused")
    }
  }
  func refusals() -> Int { refused.load(ordering: .relaxed) }

  var model: OpaquePointer?
  let file = bytes.array.dropFirst().map { $0 }
  var before = refusals()
  check(arcuate_model_from_memory(file, file.count, nil, &model, nil), before)
  defer { arcuate_model_free(model) }
  guard model != nil else { return }
  var options = arcuate_compile_options()
  options.struct_size = MemoryLayout<arcuate_compile_options>.size
  options.dt_s = 1e-3
  options.batch = 2
  var plan: OpaquePointer?
  before = refusals()
  check(arcuate_plan_create(model, &options, &plan, nil), before)
  defer { arcuate_plan_free(plan) }
  guard plan != nil else { return }
  var sessions: [OpaquePointer?] = [nil, nil]
  before = refusals()
  check(arcuate_session_create(plan, &sessions[0], nil), before)
  before = refusals()
  check(arcuate_session_clone(sessions[0], &sessions[1], nil), before)
  // After it was refused, memory is there again.
  left.store(.max, ordering: .relaxed)
  if sessions[0] == nil { _ = arcuate_session_create(plan, &sessions[0], nil) }
  for session in sessions {
    _ = arcuate_session_reset(session)
    arcuate_session_free(session)
  }
}

private let outOfMemory = arcuate_status(ArcuateError.Code.outOfMemory.rawValue)
private let left = Atomic<Int>(.max)
private let refused = Atomic<Int>(0)

private let isSet: Bool = {
  var allocator = arcuate_allocator()
  allocator.struct_size = MemoryLayout<arcuate_allocator>.size
  allocator.allocate = { _, size, alignment in
    guard left.subtract(1, ordering: .relaxed).newValue >= 0 else {
      refused.add(1, ordering: .relaxed)
      return nil
    }
    return aligned_alloc(alignment, (max(size, 1) + alignment - 1) & ~(alignment - 1))
  }
  allocator.release = { _, block, _ in free(block) }
  return arcuate_set_allocator(&allocator, nil) == 0
}()
