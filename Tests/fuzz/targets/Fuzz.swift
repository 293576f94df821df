import ArcuateCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Called by libFuzzer with every input; ARCUATE_FUZZ_TARGET selects the target.
@c(LLVMFuzzerTestOneInput)
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = Bytes(copying: UnsafeRawBufferPointer(start: data, count: size))
  do {
    try target(bytes)
  } catch is ArcuateError {
    // Invalid input is refused with a message.
  } catch {
    fatalError("an error of another type: \(error)")
  }
  return 0
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The main function under the name the package manager gives it.
@c(fuzz_main)
public func fuzzMain(
  _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
  var (count, arguments) = (count, arguments)
  return runDriver(&count, &arguments, fuzzOne)
}

private let targets = modelTargets.merging(eventTargets) { $1 }.merging([
  "calls": fuzzCalls,
  "differential": fuzzDifferential,
  "idx": fuzzIDX,
  "kaldi": fuzzKaldi,
  "nmnist": fuzzNMNIST,
  "numpy": fuzzNumpy,
  "out-of-memory": fuzzOutOfMemory,
  "png": fuzzPNG,
  "program": fuzzProgram,
  "zip": fuzzZip,
]) { $1 }

private let target: @Sendable (Bytes) throws -> Void = {
  let name = getenv("ARCUATE_FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = targets[name] else {
    fatalError("ARCUATE_FUZZ_TARGET is \"\(name)\", not one of \(targets.keys.sorted())")
  }
  return target
}()
