import Arcuate
import CArcuate

private let successName = Text("success")
private let unknownName = Text("unknown status")
private let names: [arcuate_status: Text] = Dictionary(
  uniqueKeysWithValues: ArcuateError.Code.allCases.map { ($0.rawValue, Text($0.words)) })

extension ArcuateError.Code {
  /// The case's name in words: "invalidArgument" becomes "invalid argument".
  fileprivate var words: String {
    "\(self)".reduce(into: "") { $0 += $1.isUppercase ? " \($1.lowercased())" : "\($1)" }
  }
}

@c @implementation
public func arcuate_status_name(_ status: arcuate_status) -> UnsafePointer<CChar>? {
  (status == 0 ? successName : names[status] ?? unknownName).pointer
}

@c @implementation
public func arcuate_error_status(_ error: OpaquePointer?) -> arcuate_status {
  object(ErrorHandle.self, error)?.code.rawValue ?? 0
}

private let noMessage = Text("")

@c @implementation
public func arcuate_error_message(_ error: OpaquePointer?) -> UnsafePointer<CChar>? {
  (object(ErrorHandle.self, error)?.message ?? noMessage).pointer
}

@c @implementation
public func arcuate_error_free(_ error: OpaquePointer?) { takeBack(ErrorHandle.self, error) }
