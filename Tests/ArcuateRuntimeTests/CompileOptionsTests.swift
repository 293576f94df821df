import ArcuateCore
import ArcuateModel
import ArcuateRuntime
import Testing

/// Options that are not set follow the metadata of the model, and say so.
struct CompileOptionsTests {
  private func model(_ metadata: [String: Metadata]) throws -> Model {
    let shape = try Shape([2])
    var model = Model.chain([
      ("input", .input(shape: shape)), ("output", .output(shape: shape)),
    ])
    model.metadata = metadata
    return model
  }

  @Test func optionsFollowTheModel() throws {
    let model = try model([
      "steps_per_frame": .number(10), "frame_state": .string("reset"),
      "frame_output": .string("sum"),
    ])
    let plan = try model.compile()
    #expect(plan.options.stepsPerFrame == 10 && plan.options.$stepsPerFrame.origin == .metadata)
    #expect(plan.options.frameState == .reset && plan.options.frameOutput == .sum)
    #expect(plan.options.frameInput == .hold && plan.options.$frameInput.origin == .standard)
    #expect(try CompileOptions(for: model) == plan.options)
    #expect(plan.explain().contains("steps per frame  10 (model metadata)"))
  }

  @Test func whatIsSetOverridesTheModel() throws {
    let model = try model(["steps_per_frame": .number(10), "frame_state": .string("reset")])
    var options = CompileOptions()
    options.stepsPerFrame = 1
    let plan = try model.compile(options)
    #expect(plan.options.stepsPerFrame == 1 && plan.options.$stepsPerFrame.origin == .given)
    #expect(plan.options.frameState == .reset)
    #expect(plan.explain().contains("steps per frame  1 (given)"))
  }

  @Test func invalidMetadataIsNamedUnlessOverridden() throws {
    let model = try model(["steps_per_frame": .string("many")])
    let error = #expect(throws: ArcuateError.self) { try model.compile() }
    #expect(error?.code == .invalidModel && error?.location == "metadata \"steps_per_frame\"")
    var options = CompileOptions()
    options.stepsPerFrame = 2
    #expect(try model.compile(options).options.stepsPerFrame == 2)
  }
}
