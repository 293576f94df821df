import ArcuateCore
import ArcuateKernels
import ArcuateModel

extension Model {
  /// A plan that runs this model.
  ///
  /// Options that are not set follow the model's metadata.
  /// Throws. `invalidModel` naming the node if the check finds an error; `invalidArgument` for
  /// options out of range; `cannotCompile` for options that do not fit; `limitExceeded` if a
  /// session would need more than 2^36 bytes; `unsupportedProcessor`.
  public func compile(_ options: CompileOptions = .init()) throws(ArcuateError) -> Plan {
    try Processor.requireSupport()
    var model = self
    let options = try options.following(self)
    try options.check()
    if let semantics = options.semantics { model.semantics = semantics }
    if let dt = options.dt_s { model.dt_s = dt }
    let (checked, findings) = model.check()
    guard let checked else {
      let errors = findings.filter { $0.severity == .error }
      let more = errors.count > 1 ? " (and \(errors.count - 1) more)" : ""
      throw ArcuateError(.invalidModel, errors[0].message + more, at: errors[0].location)
    }
    var compiler = try Compiler(checked, findings, options)
    return try compiler.plan()
  }
}
