import Arcuate
import CArcuate

@c @implementation
public func arcuate_model_finding_count(_ model: OpaquePointer?) -> Int {
  object(ModelHandle.self, model)?.findings.count ?? 0
}

@c @implementation
public func arcuate_model_finding_severity(
  _ model: OpaquePointer?, _ index: Int
) -> arcuate_severity {
  finding(object(ModelHandle.self, model)?.findings, index)?.finding.severity.level.c ?? -1
}

@c @implementation
public func arcuate_model_finding_location(
  _ model: OpaquePointer?, _ index: Int
) -> UnsafePointer<CChar>? {
  finding(object(ModelHandle.self, model)?.findings, index)?.location.pointer
}

@c @implementation
public func arcuate_model_finding_message(
  _ model: OpaquePointer?, _ index: Int
) -> UnsafePointer<CChar>? {
  finding(object(ModelHandle.self, model)?.findings, index)?.message.pointer
}

@c @implementation
public func arcuate_plan_finding_count(_ plan: OpaquePointer?) -> Int {
  object(PlanHandle.self, plan)?.findings.count ?? 0
}

@c @implementation
public func arcuate_plan_finding_severity(
  _ plan: OpaquePointer?, _ index: Int
) -> arcuate_severity {
  finding(object(PlanHandle.self, plan)?.findings, index)?.finding.severity.level.c ?? -1
}

@c @implementation
public func arcuate_plan_finding_location(
  _ plan: OpaquePointer?, _ index: Int
) -> UnsafePointer<CChar>? {
  finding(object(PlanHandle.self, plan)?.findings, index)?.location.pointer
}

@c @implementation
public func arcuate_plan_finding_message(
  _ plan: OpaquePointer?, _ index: Int
) -> UnsafePointer<CChar>? {
  finding(object(PlanHandle.self, plan)?.findings, index)?.message.pointer
}

private func finding(_ findings: [FindingText]?, _ index: Int) -> FindingText? {
  findings.flatMap { $0.indices.contains(index) ? $0[index] : nil }
}
