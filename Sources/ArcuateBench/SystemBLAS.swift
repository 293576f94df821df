import ArcuateCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The OpenBLAS of this system, if installed, for comparison; the library does not use it.
public struct SystemBLAS {
  private typealias Product =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32,
      UnsafePointer<Float>, Int32, Float, UnsafeMutablePointer<Float>, Int32
    ) -> Void
  private typealias SetThreads = @convention(c) (Int32) -> Void

  /// The file name of the library.
  public let name: String
  private let product: Product
  private let setThreads: SetThreads

  /// File names to try.
  public static let names = [
    "libopenblas.so.0", "libopenblas.so", "libopenblasp.so.0", "libopenblas.0.dylib",
  ]

  /// Nil if none can be loaded. The library stays loaded, since its threads keep running.
  public init?() {
    for name in SystemBLAS.names {
      guard let library = dlopen(name, RTLD_NOW | RTLD_LOCAL),
        let product = dlsym(library, "cblas_sgemm"),
        let threads = dlsym(library, "openblas_set_num_threads")
      else { continue }
      self.name = name
      // SAFETY: these are the signatures of CBLAS with 32-bit integers; libraries with 64-bit
      // integers have other names.
      self.product = unsafeBitCast(product, to: Product.self)
      setThreads = unsafeBitCast(threads, to: SetThreads.self)
      return
    }
    return nil
  }

  /// c = a b, for a [rows][inner] and b [inner][columns], row-major.
  public func multiply(
    _ a: View<Float>, _ b: View<Float>, into c: View<Float>, rows: Int, columns: Int, inner: Int,
    threads: Int
  ) {
    precondition(
      a.count >= rows * inner && b.count >= inner * columns && c.count >= rows * columns
        && max(rows, columns, inner) < 1 << 30, "buffers hold the matrices")
    setThreads(Int32(threads))
    // SAFETY: checked above. 101 is row-major, 111 not transposed.
    product(
      101, 111, 111, Int32(rows), Int32(columns), Int32(inner), 1, a.pointer, Int32(inner),
      b.pointer, Int32(columns), 0, c.pointer, Int32(columns))
  }
}
