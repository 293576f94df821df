import ArcuateCore
import ArcuateModel

/// How a model is to be run.
///
/// What is not set follows the model: its metadata may state `steps_per_frame`, `frame_state`,
/// `frame_input` and `frame_output`. What it does not state has the default written below.
public struct CompileOptions: Sendable, Hashable {
  /// What a stream's state does when a frame ends.
  public enum FrameState: String, Sendable, CaseIterable {
    /// Membranes, currents and delays go on into the next frame.
    case keep
    /// Each frame starts from rest.
    case reset
  }
  /// How a frame of values enters the network.
  public enum FrameInput: String, Sendable, CaseIterable {
    /// The same values at every step of the frame.
    case hold
    /// The values at the first step, zeros at the others.
    case first
  }
  /// Which steps of a frame make its output.
  public enum FrameOutput: String, Sendable, CaseIterable {
    /// The last step's output.
    case last
    /// The sum over the frame's steps.
    case sum
    /// The mean over the frame's steps.
    case mean
    /// The output of every step, one after another.
    case every
  }
  /// What is promised about the bits of the results.
  public enum Numerics: String, Sendable, CaseIterable {
    /// The same bits for every thread count, chunking, batch and choice of kernel.
    case exact
    /// Products and sums may be fused, and sums evaluated in any order: a sum of n terms is within
    /// n ulp of the sum of their magnitudes.
    case fast
  }

  /// Seconds per step; nil takes the model's. Required if any node depends on time.
  public var dt_s: Double? = nil
  /// Steps per frame of input, 1 ... 1000000.
  @CompileOption public var stepsPerFrame = 1
  @CompileOption public var frameState = FrameState.keep
  @CompileOption public var frameInput = FrameInput.hold
  @CompileOption public var frameOutput = FrameOutput.last
  /// Independent streams that a session advances together, 1 ... 65535.
  @CompileOption public var batch = 1
  /// 1 ... 256.
  @CompileOption public var threads = 1
  @CompileOption public var numerics = Numerics.exact
  /// Bytes that a session may need, 4096 ... 2^36. A small file can state delays that need much memory.
  public var maxSessionBytes = 1 << 32
  /// Replaces the semantics of the model (not those of neurons with their own).
  public var semantics: NeuronSemantics? = nil
  /// Whether threads share the nodes however little these do and however few processors there are.
  package var alwaysStages = false

  /// Options that follow the model that is compiled.
  public init() {}

  /// The options that `model.compile()` uses.
  ///
  /// Throws. `invalidModel` for metadata that is no such option.
  public init(for model: Model) throws(ArcuateError) {
    self = try CompileOptions().following(model)
  }

  /// These options, with the values of the model's metadata where no value is set.
  ///
  /// Throws. `invalidModel` for metadata that is no such option.
  public func following(_ model: Model) throws(ArcuateError) -> CompileOptions {
    var options = self
    try options.$stepsPerFrame.follow { () throws(ArcuateError) in
      try model.metadataInteger("steps_per_frame")
    }
    try options.$frameState.follow { () throws(ArcuateError) in
      try model.metadataChoice("frame_state")
    }
    try options.$frameInput.follow { () throws(ArcuateError) in
      try model.metadataChoice("frame_input")
    }
    try options.$frameOutput.follow { () throws(ArcuateError) in
      try model.metadataChoice("frame_output")
    }
    return options
  }

  /// Throws. `invalidArgument` naming the field, by the name of the C interface, and its range.
  package func check() throws(ArcuateError) {
    try checkRange(stepsPerFrame, 1...1_000_000, "steps_per_frame")
    try checkRange(batch, 1...65_535, "batch")
    try checkRange(threads, 1...256, "threads")
    try checkRange(maxSessionBytes, 4096...1 << 36, "max_session_bytes")
    if let dt_s { try checkRange(dt_s, Model.stepLengths, "dt_s") }
  }
}

/// The value of an option, and where it comes from.
@propertyWrapper
public struct CompileOption<Value: Sendable & Hashable>: Sendable, Hashable {
  public enum Origin: String, Sendable {
    /// The caller set the option.
    case given
    /// The metadata of the model states it.
    case metadata = "model metadata"
    /// Neither did.
    case standard = "default"
  }

  private let standard: Value
  private var value: Value
  public private(set) var origin = Origin.standard

  public init(wrappedValue: Value) {
    standard = wrappedValue
    value = wrappedValue
  }

  public var wrappedValue: Value {
    get { value }
    set { (value, origin) = (newValue, .given) }
  }

  public internal(set) var projectedValue: Self {
    get { self }
    set { self = newValue }
  }

  /// Takes the value that a model states, if it states one, unless the option was set.
  mutating func follow(
    _ stated: () throws(ArcuateError) -> Value?
  ) throws(ArcuateError) {
    guard origin != .given else { return }
    if let stated = try stated() {
      (value, origin) = (stated, .metadata)
    } else {
      (value, origin) = (standard, .standard)
    }
  }
}
