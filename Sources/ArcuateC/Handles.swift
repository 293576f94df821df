import Arcuate

/// Text with a stable address, valid as long as the object.
final class Text: Sendable {
  // SAFETY: what it points to is written once, before the object is shared.
  nonisolated(unsafe) let pointer: UnsafePointer<CChar>

  /// Zero bytes inside, which would end it early for the caller, become question marks.
  init(_ string: String) {
    let utf8 = Array(string.utf8)
    let storage = UnsafeMutablePointer<CChar>.allocate(capacity: utf8.count + 1)
    for (i, byte) in utf8.enumerated() { storage[i] = CChar(bitPattern: byte == 0 ? 63 : byte) }
    storage[utf8.count] = 0
    // SAFETY: never written again, and freed only with this object.
    pointer = UnsafePointer(storage)
  }

  deinit { pointer.deallocate() }
}

let noText = Text("")

/// What an `arcuate_model *` points to.
final class ModelHandle {
  private(set) var model: Model
  /// What the check derived; nil if the model has an error.
  private var checked: CheckedModel?
  /// Findings of reading.
  let readFindings: [Finding]
  private(set) var nodes: [(name: Text, kind: Text)] = []
  /// The programs of neurons by the names of their nodes.
  private(set) var programs: [String: Text] = [:]
  private(set) var findings: [FindingText] = []
  /// The report of the quantization that made the model.
  let quantization: QuantizationText?
  /// The report of the conversion that made the model.
  let conversion: ConversionText?

  init(
    _ model: Model, _ findings: [Finding], _ quantization: QuantizationText? = nil,
    _ conversion: ConversionText? = nil
  ) {
    self.model = model
    self.quantization = quantization
    self.conversion = conversion
    readFindings = findings
    replace(model)
  }

  /// Replaces the model and checks the new one.
  func replace(_ model: Model) {
    self.model = model
    nodes = model.nodes.map { (Text($0.name), Text($0.op.kindName)) }
    programs = [:]
    for node in model.nodes {
      if case .program(let neuron) = node.op { programs[node.name] = Text(neuron.program.text) }
    }
    let findings: [Finding]
    (checked, findings) = model.check()
    list(findings)
  }

  /// Changes the semantics; what does not depend on them is not checked again.
  func setSemantics(_ semantics: NeuronSemantics) {
    var changed = model
    changed.semantics = semantics
    guard let checked = try? checked?.applying(semantics: semantics, dt_s: nil) else {
      return replace(changed)
    }
    (model, self.checked) = (changed, checked)
    list(checked.findings)
  }

  func compile(_ options: CompileOptions) throws(ArcuateError) -> Plan {
    // A model with an error may be sound under the semantics of the options.
    guard let checked else { return try model.compile(options) }
    return try checked.compile(options)
  }

  /// A finding of both reading and checking is listed once.
  private func list(_ checkFindings: [Finding]) {
    var seen = Set<Finding>()
    findings = (readFindings + checkFindings).filter { seen.insert($0).inserted }
      .map(FindingText.init)
  }
}

/// A finding with its strings for C.
struct FindingText: Sendable {
  let finding: Finding
  let location, message: Text

  init(_ finding: Finding) {
    self.finding = finding
    (location, message) = (Text(finding.location), Text(finding.message))
  }

  /// Writes the finding to the log.
  func log() { Log.write(finding.severity.level, "\(finding.location): \(finding.message)") }
}

/// A quantization report with its strings for C.
final class QuantizationText: Sendable {
  let report: QuantizationReport
  let table: Text
  let names: [Text]

  init(_ report: QuantizationReport) {
    self.report = report
    table = Text(report.description)
    names = report.nodes.map { Text($0.name) }
  }
}

/// A conversion report with its strings for C.
final class ConversionText: Sendable {
  let report: ConversionReport
  let table: Text
  let names: [Text]

  init(_ report: ConversionReport) {
    self.report = report
    table = Text(report.description)
    names = report.layers.map { Text($0.name) }
  }
}

/// What an `arcuate_plan *` points to.
final class PlanHandle: Sendable {
  let plan: Plan
  let findings: [FindingText]
  let explanation: Text
  let nodes: [Text]
  let kinds: [Text]
  let nodeShapes: [Shape]
  let inputs: [Text]
  let outputs: [Text]
  let signals: [(name: Text, width: Int)]

  init(_ plan: Plan) {
    self.plan = plan
    findings = plan.findings.map(FindingText.init)
    explanation = Text(plan.explain())
    nodes = plan.nodeNames.map(Text.init)
    kinds = plan.nodeKinds.map(Text.init)
    // A computed property of the plan: asking it for every node would take quadratic time.
    nodeShapes = plan.nodeShapes
    inputs = plan.inputs.map { Text($0.name) }
    outputs = plan.outputs.map { Text($0.name) }
    signals = plan.signals.map { (Text($0.name), $0.width) }
  }
}

/// What an `arcuate_session *` points to.
final class SessionHandle {
  let session: Session
  /// Message of the last failed call among those without an error parameter.
  var lastError = Text("")

  init(_ session: Session) { self.session = session }
}

/// What an `arcuate_probe *` points to. Neither it nor its session keeps the other alive.
final class ProbeHandle {
  let probe: Probe
  weak var session: Session?

  init(_ probe: Probe, _ session: Session) {
    self.probe = probe
    self.session = session
  }
}

/// What an `arcuate_error *` points to.
final class ErrorHandle: Sendable {
  let code: ArcuateError.Code
  let message: Text

  init(_ error: ArcuateError) {
    code = error.code
    message = Text(error.description)
  }
}

/// Passes ownership of an object to the caller.
func retain(_ object: AnyObject) -> OpaquePointer {
  OpaquePointer(Unmanaged.passRetained(object).toOpaque())
}

/// Ends the caller's ownership of an object.
func release<T: AnyObject>(_: T.Type, _ handle: OpaquePointer?) {
  // SAFETY: the header requires a pointer that the library returned and that is freed once.
  if let handle { Unmanaged<T>.fromOpaque(UnsafeRawPointer(handle)).release() }
}

/// The object behind a handle, or nil for NULL.
@inline(__always)
func object<T: AnyObject>(_: T.Type, _ handle: OpaquePointer?) -> T? {
  // SAFETY: as above; the caller keeps the handle for the length of the call.
  handle.map { Unmanaged<T>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
}
