import CShims

/// A request to end long calls early, which loops check between pieces of work.
///
/// A thread names the one that its calls go by (`watch`); any thread and any signal handler may request.
public struct Cancellation: BitwiseCopyable, @unchecked Sendable {
  // SAFETY: allocated by `init` and freed by `destroy`; only the shim touches what it points to, by
  // atomic operations, or reads what never changes.
  private let request: UnsafeMutablePointer<cshims_cancel>

  /// Asks, in the thread whose call goes by it, whether to end; a quarter of a second after a call
  /// began, then every twentieth of a second.
  public typealias Poll = @convention(c) (UnsafeMutableRawPointer?) -> Int32

  /// A request that has not been made. The caller calls `destroy` once no thread watches it.
  public init(poll: Poll? = nil, context: UnsafeMutableRawPointer? = nil) {
    request = .allocate(capacity: 1)
    request.initialize(
      to: cshims_cancel(requested: 0, poll: poll, context: context, next_ns: 0))
  }

  /// As a handle of C, and back.
  public var handle: OpaquePointer { OpaquePointer(request) }
  // SAFETY: the caller has it from `handle`, and it was not destroyed.
  public init(handle: OpaquePointer) { request = UnsafeMutablePointer(handle) }

  /// Frees it; calls of this thread no longer go by it.
  public func destroy() {
    if cshims_cancel_watched() == request { cshims_cancel_watch(nil) }
    request.deallocate()
  }

  // MARK: Requesting

  /// Ends the calls that go by it, and later ones at once, until it is cleared.
  public func end() { cshims_cancel_request(request, true) }
  public func clear() { cshims_cancel_request(request, false) }
  public var isRequested: Bool { cshims_cancel_is_requested(request) }

  // MARK: Watching

  /// The calls that this thread makes go by it from now on; nil: by none.
  public static func watch(_ cancellation: Cancellation?) {
    cshims_cancel_watch(cancellation?.request)
  }

  /// What the calls of this thread go by.
  @inline(__always)
  package static var watched: Cancellation? {
    cshims_cancel_watched().map { Cancellation(handle: OpaquePointer($0)) }
  }

  /// A call of the host begins.
  @inline(__always)
  public static func begin() { cshims_cancel_begin() }

  /// Whether the call is to end; asked by the thread that makes it.
  package func poll() -> Bool { cshims_cancel_poll(request) }

  /// Throws. `canceled` if the calls of this thread are to end. Between pieces of work that take
  /// milliseconds.
  package static func check() throws(ArcuateError) {
    if let watched, watched.poll() { throw canceled }
  }

  /// The error of a call that ended early.
  package static var canceled: ArcuateError { ArcuateError(.canceled, "the call was canceled") }
}
