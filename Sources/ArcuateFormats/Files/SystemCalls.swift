#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

// The system calls whose names methods of this folder would hide. Each repeats an interrupted call.

/// A descriptor of the file, which is not handed to other programs; below 0 on failure.
func openDescriptor(_ path: String, _ flags: Int32, _ mode: mode_t = 0) -> Int32 {
  open(path, flags | O_CLOEXEC, mode)
}

/// Bytes read into `buffer`, from `offset` or for nil from the position of the descriptor; 0 at the
/// end, below 0 on failure.
func readDescriptor(
  _ file: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int? = nil
) -> Int {
  while true {
    // SAFETY: the system writes at most `buffer.count` bytes.
    let count =
      offset.map { pread(file, buffer.baseAddress, buffer.count, off_t($0)) }
      ?? read(file, buffer.baseAddress, buffer.count)
    if count >= 0 || errno != EINTR { return count }
  }
}

/// Bytes of `buffer` that were written; 0 or below on failure.
func writeDescriptor(_ file: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
  while true {
    // SAFETY: the system reads at most `buffer.count` bytes.
    let count = write(file, buffer.baseAddress, buffer.count)
    if count >= 0 || errno != EINTR { return count }
  }
}
