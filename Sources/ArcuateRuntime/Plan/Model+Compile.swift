import ArcuateCore
import ArcuateKernels
import ArcuateModel

extension Model {
  /// A plan that runs this model.
  ///
  /// Options that are not set follow the model's metadata.
  /// Throws. `invalidModel` naming the node if the check finds an error; `invalidArgument` for
  /// options out of range; `cannotCompile` for options that do not fit; `limitExceeded` if a
  /// session would need more than `maxSessionBytes`; `canceled`.
  public func compile(_ options: CompileOptions = .init()) throws(ArcuateError) -> Plan {
    Instructions.settle()
    var model = self
    let options = try options.following(self)
    try options.check()
    if let semantics = options.semantics { model.semantics = semantics }
    if let dt = options.dt_s { model.dt_s = dt }
    return try Compiler.plan(model.soundly(), options)
  }
}

extension CheckedModel {
  /// A plan that runs this model, which is not checked again.
  ///
  /// Options and errors are those of `Model.compile`.
  public func compile(_ options: CompileOptions = .init()) throws(ArcuateError) -> Plan {
    Instructions.settle()
    let options = try options.following(model)
    try options.check()
    return try Compiler.plan(applying(semantics: options.semantics, dt_s: options.dt_s), options)
  }
}
