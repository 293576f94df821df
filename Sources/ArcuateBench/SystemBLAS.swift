import ArcuateCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The OpenBLAS of this system, if there is one, to compare with: nothing in the library needs it.
public struct SystemBLAS {
  private typealias Product =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32,
      UnsafePointer<Float>, Int32, Float, UnsafeMutablePointer<Float>, Int32
    ) -> Void
  private typealias SetThreads = @convention(c) (Int32) -> Void

  /// Where it was found.
  public let name: String
  private let product: Product
  private let setThreads: SetThreads

  /// Names under which it is looked for.
  public static let names = [
    "libopenblas.so.0", "libopenblas.so", "libopenblasp.so.0", "libopenblas.0.dylib",
  ]

  /// Nil where none can be loaded. It stays loaded, since its threads do.
  public init?() {
    for name in SystemBLAS.names {
      guard let library = dlopen(name, RTLD_NOW | RTLD_LOCAL),
        let product = dlsym(library, "cblas_sgemm"),
        let threads = dlsym(library, "openblas_set_num_threads")
      else { continue }
      self.name = name
      // SAFETY: these are the signatures of CBLAS with 32-bit integers, which a library of this
      // name has; those with 64-bit integers have names of their own.
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
        && max(rows, columns, inner) < 1 << 30, "room for the matrices")
    setThreads(Int32(threads))
    // SAFETY: checked above. 101 is row-major, 111 not transposed.
    product(
      101, 111, 111, Int32(rows), Int32(columns), Int32(inner), 1, a.pointer, Int32(inner),
      b.pointer, Int32(columns), 0, c.pointer, Int32(columns))
  }
}
