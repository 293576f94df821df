import Arcuate
import CArcuate

private func parameter(_ trainer: OpaquePointer?, _ index: Int) -> Parameter? {
  guard let all = object(TrainerHandle.self, trainer)?.trainer.network.parameters,
    all.indices.contains(index)
  else { return nil }
  return all[index]
}

@c @implementation
public func arcuate_trainer_parameter_count(_ trainer: OpaquePointer?) -> Int {
  object(TrainerHandle.self, trainer)?.parameters.count ?? 0
}

@c @implementation
public func arcuate_trainer_parameter_name(
  _ trainer: OpaquePointer?, _ index: Int
) -> UnsafePointer<CChar>? {
  guard let names = object(TrainerHandle.self, trainer)?.parameters, names.indices.contains(index)
  else { return nil }
  return names[index].pointer
}

@c @implementation
public func arcuate_trainer_parameter_size(_ trainer: OpaquePointer?, _ index: Int) -> Int {
  parameter(trainer, index)?.count ?? 0
}

@c @implementation
public func arcuate_trainer_parameter_shape(
  _ trainer: OpaquePointer?, _ index: Int, _ extents: UnsafeMutablePointer<Int>?, _ capacity: Int
) -> Int {
  copyOut(parameter(trainer, index)?.shape, to: extents, capacity)
}

@c @implementation
public func arcuate_trainer_parameter_is_trained(_ trainer: OpaquePointer?, _ index: Int) -> Int32 {
  parameter(trainer, index)?.isTrained == true ? 1 : 0
}

@c @implementation
public func arcuate_trainer_find_parameter(
  _ trainer: OpaquePointer?, _ name: UnsafePointer<CChar>?
) -> Int64 {
  guard let trainer = object(TrainerHandle.self, trainer)?.trainer,
    let name = try? text(name, "name"),
    let index = trainer.network.parameters.firstIndex(where: { $0.name == name })
  else { return -1 }
  return Int64(clamping: index)
}

/// A parameter, and the caller's buffer for it. Throws. `bufferSize`.
private func parameter<T>(
  _ trainer: OpaquePointer?, _ index: Int, _ values: T?, _ count: Int
) throws -> (Parameter, T) {
  _ = try required(object(TrainerHandle.self, trainer), "trainer")
  guard let found = parameter(trainer, index) else {
    throw ArcuateError(
      .invalidArgument, "index \(UInt(bitPattern: index)) is out of range")
  }
  let values = try required(values, "values")
  guard count == found.count else {
    throw ArcuateError(
      .bufferSize, "count must be \(found.count), got \(UInt(bitPattern: count))",
      at: "parameter \"\(found.name)\"")
  }
  return (found, values)
}

@c @implementation
public func arcuate_trainer_read_parameter(
  _ trainer: OpaquePointer?, _ index: Int, _ values: UnsafeMutablePointer<Float>?, _ count: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let (parameter, values) = try parameter(trainer, index, values, count)
    copyOut(parameter.read(), to: values)
  }
}

@c @implementation
public func arcuate_trainer_read_gradient(
  _ trainer: OpaquePointer?, _ index: Int, _ values: UnsafeMutablePointer<Float>?, _ count: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let (parameter, values) = try parameter(trainer, index, values, count)
    copyOut(parameter.readGradient(), to: values)
  }
}

@c @implementation
public func arcuate_trainer_write_parameter(
  _ trainer: OpaquePointer?, _ index: Int, _ values: UnsafePointer<Float>?, _ count: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let (parameter, values) = try parameter(trainer, index, values, count)
    // SAFETY: the caller says that there are that many numbers.
    let numbers = Array(UnsafeBufferPointer(start: values, count: count))
    if let bad = numbers.firstIndex(where: { !$0.isFinite }) {
      throw ArcuateError(
        .invalidArgument, "number \(bad) is not finite", at: "parameter \"\(parameter.name)\"")
    }
    if let least = parameter.least, let bad = numbers.firstIndex(where: { $0 < least }) {
      throw ArcuateError(
        .invalidArgument, "number \(bad) is \(numbers[bad]), less than \(least)",
        at: "parameter \"\(parameter.name)\"")
    }
    parameter.write(numbers)
  }
}

@c @implementation
public func arcuate_trainer_read_input_gradient(
  _ trainer: OpaquePointer?, _ port: Int, _ values: UnsafeMutablePointer<Float>?, _ count: Int,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let trainer = try required(object(TrainerHandle.self, trainer), "trainer").trainer
    guard (0..<trainer.network.inputCount).contains(port) else {
      throw ArcuateError(
        .invalidArgument, "port \(UInt(bitPattern: port)) is out of range")
    }
    guard trainer.options.gradient.inputGradients else {
      throw ArcuateError(.invalidState, "the option input_gradients is not set")
    }
    let values = try required(values, "values")
    let needed = trainer.batch * trainer.sampleWidth(port)
    guard count == needed else {
      throw ArcuateError(.bufferSize, "count must be \(needed), got \(UInt(bitPattern: count))")
    }
    copyOut(try trainer.network.inputGradient(port), to: values)
  }
}
