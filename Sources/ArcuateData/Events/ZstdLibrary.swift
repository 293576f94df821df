import ArcuateCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The system's Zstandard, loaded when a file needs it.
struct ZstdLibrary: Sendable {
  private typealias Decompress =
    @convention(c) (UnsafeMutableRawPointer?, Int, UnsafeRawPointer?, Int) -> Int
  private typealias ContentSize = @convention(c) (UnsafeRawPointer?, Int) -> UInt64
  private typealias IsError = @convention(c) (Int) -> UInt32

  private let decompress: Decompress
  private let contentSize: ContentSize
  private let isError: IsError

  /// The library; nil if the system has none. It stays loaded.
  static let shared = ZstdLibrary()
  static let missing = "is compressed by Zstandard, and libzstd.so.1 cannot be loaded"

  private init?() {
    for name in ["libzstd.so.1", "libzstd.so", "libzstd.1.dylib"] {
      guard let library = dlopen(name, RTLD_NOW | RTLD_LOCAL),
        let decompress = dlsym(library, "ZSTD_decompress"),
        let size = dlsym(library, "ZSTD_getFrameContentSize"),
        let error = dlsym(library, "ZSTD_isError")
      else { continue }
      // SAFETY: these are the signatures of zstd.h, stable since version 1.3.
      self.decompress = unsafeBitCast(decompress, to: Decompress.self)
      contentSize = unsafeBitCast(size, to: ContentSize.self)
      isError = unsafeBitCast(error, to: IsError.self)
      return
    }
    return nil
  }

  /// Decompresses a frame of at most `limit` bytes into `target`.
  /// Throws. `malformed`, `limitExceeded`, `outOfMemory`.
  func decompress(
    _ frame: UnsafeRawBufferPointer, into target: inout LZ4Frame, limit: Int
  ) throws(ArcuateError) {
    let claimed = contentSize(frame.baseAddress, frame.count)
    // The two largest numbers say that the size is unknown, or that this is no frame.
    guard claimed != .max - 1 else { throw ArcuateError(.malformed, "is not a Zstandard frame") }
    let size = claimed == .max ? limit : Int(clamping: claimed)
    guard size <= limit else {
      throw ArcuateError(.limitExceeded, "a packet exceeds the limit of \(limit) bytes")
    }
    let done = try target.fill(size) { memory in
      let count = decompress(memory.baseAddress, memory.count, frame.baseAddress, frame.count)
      return isError(count) == 0 ? min(count, size) : nil
    }
    guard done else { throw ArcuateError(.malformed, "the Zstandard frame is invalid") }
  }
}
