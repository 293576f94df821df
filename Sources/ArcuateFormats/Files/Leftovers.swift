#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The temporary files of `ByteWriter`. One that is being written is locked by its writer; one that
/// is not was left behind by a process that was killed, and goes with the next save of its name.
enum Leftovers {
  /// The path of a temporary file for `target`, different for each number of each process.
  static func path(for target: String, number: Int) -> String {
    "\(target).\(getpid())-\(number).partial"
  }

  /// Whether `name` is that of a temporary file for `target`, a name without its folder.
  private static func isPartial(_ name: String, of target: String) -> Bool {
    guard name.hasPrefix(target + "."), name.hasSuffix(".partial") else { return false }
    let number = name.dropFirst(target.utf8.count + 1).dropLast(".partial".utf8.count)
    let parts = number.split(separator: "-", omittingEmptySubsequences: false)
    return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isWholeNumber) }
  }

  /// Locks a temporary file that was just made. False if it was taken for one left behind, and
  /// removed, before it was locked.
  static func lock(_ file: Int32) -> Bool {
    // On a file system without locks, temporary files of killed saves stay.
    _ = flock(file, LOCK_EX | LOCK_NB)
    var status = stat()
    return fstat(file, &status) != 0 || status.st_nlink > 0
  }

  /// Removes the temporary files for `target` that nobody writes.
  static func remove(for target: String) {
    let (folder, name) = Files.split(target)
    guard let stream = opendir(folder.isEmpty ? "." : folder) else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let found = Files.name(of: entry)
      guard isPartial(found, of: name) else { continue }
      let file = openDescriptor(folder + found, O_RDONLY | O_NONBLOCK | O_NOFOLLOW)
      guard file >= 0 else { continue }
      if flock(file, LOCK_EX | LOCK_NB) == 0 { unlink(folder + found) }
      close(file)
    }
  }
}
