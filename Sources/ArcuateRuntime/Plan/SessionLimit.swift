import ArcuateCore

extension ArenaSize {
  /// Throws. `limitExceeded` if a session needs more bytes than the options allow, naming the node that
  /// needs most of them and what it remembers.
  func check(against options: CompileOptions, steps: [NodeStep]) throws(ArcuateError) {
    let most = options.maxSessionBytes
    guard byteCount > most else { return }
    let needs = steps.map { $0.node.memoryByteCount(batch: batch) }
    let largest = steps.indices.max { needs[$0] < needs[$1] } ?? 0
    let message = "a session of batch \(batch) would need \(byteCount) bytes"
    let advice = "raise max_session_bytes, which is \(most), or use a smaller batch"
    guard let need = needs.indices.contains(largest) ? needs[largest] : nil, need > byteCount / 2
    else { throw ArcuateError(.limitExceeded, "\(message): \(advice)") }
    throw ArcuateError(
      .limitExceeded,
      "\(message), of which this node needs \(need) (\(steps[largest].node.reason)): \(advice), shorter "
        + "delays or longer steps", at: "node \"\(steps[largest].name)\"")
  }
}

extension NodeRun {
  /// Bytes that the node remembers for all streams, with what follows from them.
  fileprivate func memoryByteCount(batch: Int) -> Int {
    4 * stateCount + ((self as? SparseNode)?.listByteCount ?? 0) * batch
  }
}
