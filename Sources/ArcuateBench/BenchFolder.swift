import Arcuate
import ArcuateConsole
import ArcuateData

/// A folder of networks, inputs and Arcuate's outputs, for running the same calls in other programs.
///
/// `bench.json` lists the cases. Inputs and outputs are NumPy arrays of one call each,
/// [frames, batch, shape]; every call starts from rest.
struct BenchFolder {
  private let folder: String
  private var cases: [JSON] = []

  /// Throws. `cannotWrite` if the folder does not exist and cannot be created.
  init(_ folder: String) throws {
    guard System.makeFolder(folder) else {
      throw ArcuateError(.cannotWrite, "cannot be created: \(System.reason)", at: folder)
    }
    self.folder = folder
  }

  private static func network(_ workload: String, _ element: Tensor.Element) -> String {
    workload + (element == .float32 ? "" : "-\(element.word)") + ".safetensors"
  }

  /// The file of the network.
  func path(_ workload: String, _ element: Tensor.Element) -> String {
    "\(folder)/\(BenchFolder.network(workload, element))"
  }

  /// Throws. `cannotWrite`.
  mutating func add(_ found: BenchMeasurement, inputs: [[Float]]) throws {
    let one = found.benchCase
    let frames = one.workload.frames(steps: one.steps)
    func write(_ arrays: [[Float]], _ name: String, _ shape: Shape) throws -> JSON {
      .array(
        try arrays.enumerated().map { i, values in
          let file = "\(name)\(i).npy"
          try NumpyArray(extents: [frames, one.batch] + shape.extents, values: values)
            .write(to: "\(folder)/\(file)")
          return .string(file)
        })
    }
    cases.append(
      [
        "name": .string(one.name), "workload": .string(one.workloadName),
        "weights": .string(one.element.word), "batch": .number(one.batch),
        "steps": .number(one.steps), "frames": .number(frames),
        "steps_per_frame": .number(one.options.stepsPerFrame),
        "frame_state": .string(one.options.frameState.rawValue),
        "frame_output": .string(one.options.frameOutput.rawValue),
        "network": .string(BenchFolder.network(one.workloadName, one.element)),
        "inputs": try write(inputs, one.inputName + "-input", one.workload.inputShape),
        "outputs": try write(found.outputs, one.name + "-output", found.outputShape),
        "rates": .object(
          Dictionary(uniqueKeysWithValues: found.rates.map { ($0.node, .number($0.rate)) })),
      ])
  }

  /// Throws. `cannotWrite`.
  func finish() throws {
    try Files.write(JSON.array(cases).text + [UInt8(ascii: "\n")], to: "\(folder)/bench.json")
  }
}
