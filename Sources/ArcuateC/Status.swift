import Arcuate
import CArcuate

@c @implementation
public func arcuate_version() -> Int32 {
  ARCUATE_VERSION_MAJOR * 1_000_000 + ARCUATE_VERSION_MINOR * 1000 + ARCUATE_VERSION_PATCH
}

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
  (status == ARCUATE_SUCCESS ? successName : names[status] ?? unknownName).pointer
}

@c @implementation
public func arcuate_error_status(_ error: OpaquePointer?) -> arcuate_status {
  object(ErrorHandle.self, error)?.code.rawValue ?? ARCUATE_SUCCESS
}

@c @implementation
public func arcuate_error_message(_ error: OpaquePointer?) -> UnsafePointer<CChar>? {
  (object(ErrorHandle.self, error)?.message ?? noText).pointer
}

@c @implementation
public func arcuate_error_free(_ error: OpaquePointer?) { release(ErrorHandle.self, error) }

extension Log.Level {
  /// The constant of the header.
  var c: arcuate_severity {
    switch self {
    case .note: ARCUATE_SEVERITY_NOTE
    case .repair: ARCUATE_SEVERITY_REPAIR
    case .error: ARCUATE_SEVERITY_ERROR
    }
  }
}
