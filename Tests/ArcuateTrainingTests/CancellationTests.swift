import Arcuate
import Foundation
import Testing

/// A canceled call changes nothing, wherever it is when it ends.
@Suite(.serialized) struct CancellationTests {
  static func model() throws -> Model {
    try ModelFile.parse(
      Bytes(
        Array(
          """
          {"input": [2, 12, 12], "layers": [{"kind": "convolution", "channels": 6, "kernel": 3},
          {"kind": "batch_norm"}, {"kind": "lif", "beta": 0.9}, {"kind": "flatten"},
          {"kind": "linear", "size": 40}, {"kind": "lif", "beta": 0.8, "recurrent": true},
          {"kind": "linear", "size": 10}], "dt_s": 1e-3, "seed": 3}
          """.utf8))
    ).model
  }

  static let batch = 32

  static func trainer(_ model: Model, threads: Int) throws -> Trainer {
    var options = TrainingOptions()
    options.gradient.batch = batch
    options.gradient.steps = 12
    options.gradient.threads = threads
    return try Trainer(model, options)
  }

  /// What a checkpoint holds, and what the next step gives.
  static func state(_ trainer: Trainer, _ x: [Float], _ y: Target) throws -> [[Float]] {
    let parameters = trainer.network.parameters.map { $0.read() }
    let result = try trainer.trainStep([x], y)
    return parameters + [[Float(result.loss), Float(result.gradientNorm)]]
      + trainer.network.parameters.map { $0.read() }
  }

  @Test(arguments: [1, 3]) func aStepThatEndsAnywhereChangesNothing(threads: Int) throws {
    let model = try Self.model()
    let x = (0..<Self.batch * 288).map { Float($0 % 37) / 10 - 1 }
    let y = Target.labels((0..<Self.batch).map { $0 % 10 })
    let wanted = try Self.state(try Self.trainer(model, threads: threads), x, y)
    let whole = ContinuousClock().measure {
      _ = try? Self.trainer(model, threads: threads).trainStep([x], y)
    }
    let cancellation = Cancellation()
    defer { cancellation.destroy() }
    let trainer = try Self.trainer(model, threads: threads)
    var ended = 0
    for n in 0..<40 {
      let delay = whole / .seconds(1) * Double(n) / 44
      let other = Thread {
        Thread.sleep(forTimeInterval: delay)
        cancellation.end()
      }
      Cancellation.watch(cancellation)
      other.start()
      do {
        _ = try trainer.gradients([x], y)
        _ = try trainer.trainStep([x], y)
        // Too late: the step was made.
        while !cancellation.isRequested { usleep(100) }
        Cancellation.watch(nil)
        cancellation.clear()
        break
      } catch {
        #expect(error.code == .canceled)
        ended += 1
      }
      Cancellation.watch(nil)
      while !cancellation.isRequested { usleep(100) }
      cancellation.clear()
      #expect(trainer.step == 0)
      let parameters = trainer.network.parameters.map { $0.read() }
      #expect(parameters == Array(wanted.prefix(parameters.count)), "ended after \(delay) s")
    }
    #expect(ended > 5)
    if trainer.step == 0 { #expect(try Self.state(trainer, x, y) == wanted) }
  }

  /// Reading a text and writing a checkpoint end, too, and leave no part of a file.
  @Test func textsAndCheckpointsEnd() throws {
    let trainer = try Self.trainer(try Self.model(), threads: 1)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("c.safetensors").path
    let cancellation = Cancellation()
    Cancellation.watch(cancellation)
    defer { cancellation.destroy() }
    cancellation.end()
    let saved = #expect(throws: ArcuateError.self) { try trainer.save(to: path) }
    #expect(saved?.code == .canceled)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    let text = Array("<Nnet3> \n\ninput-node name=input dim=3\n".utf8)
    let read = #expect(throws: ArcuateError.self) { try ModelFile.parse(Bytes(text)) }
    #expect(read?.code == .canceled)
    cancellation.clear()
    try trainer.save(to: path)
    _ = try Self.trainer(try Self.model(), threads: 1).restore(from: path)
  }

  /// Slices are parts of parts: the bits are those of whole ones.
  @Test(arguments: [1, 2, 3]) func slicesGiveTheSameBits(threads: Int) throws {
    let model = try Self.model()
    let x = (0..<Self.batch * 288).map { Float($0 % 37) / 10 - 1 }
    let y = Target.labels((0..<Self.batch).map { $0 % 10 })
    let wanted = try Self.state(try Self.trainer(model, threads: threads), x, y)
    let cancellation = Cancellation()
    Cancellation.watch(cancellation)
    defer { cancellation.destroy() }
    #expect(try Self.state(try Self.trainer(model, threads: threads), x, y) == wanted)
  }
}
