import ArcuateCore
import ArcuateKernels

extension Session {
  /// Counters of the node called `name`, of one stream or summed over all.
  /// Throws. `notFound`; `invalidArgument` for a stream that is not there.
  public func counters(of name: String, stream: Int? = nil) throws(ArcuateError) -> Counters {
    guard let step = plan.steps.firstIndex(where: { $0.name == name }) else {
      throw ArcuateError(.notFound, "there is no node \"\(name)\"")
    }
    return try counters(at: step, stream: stream)
  }

  /// Counters of the node at `index` of `plan.nodeNames`.
  public func counters(at index: Int, stream: Int? = nil) throws(ArcuateError) -> Counters {
    guard index >= 0, index < plan.steps.count else {
      throw ArcuateError(.invalidArgument, "node \(index) is not within 0 ..< \(plan.steps.count)")
    }
    let batch = plan.options.batch
    if let stream, stream < 0 || stream >= batch {
      throw ArcuateError(.invalidArgument, "stream \(stream) is not within 0 ..< \(batch)")
    }
    return sum(index, stream.map { $0..<$0 + 1 } ?? 0..<batch)
  }

  private func sum(_ index: Int, _ streams: Range<Int>) -> Counters {
    var sum = Counters()
    for b in streams { sum = sum + Counters(arena.counters(index, b)) }
    return sum
  }

  /// Counters summed over all nodes, of one stream or of all.
  /// Throws. `invalidArgument` for a stream that is not there.
  public func totalCounters(stream: Int? = nil) throws(ArcuateError) -> Counters {
    var sum = Counters()
    for i in plan.steps.indices { sum = sum + (try counters(at: i, stream: stream)) }
    return sum
  }

  public func clearCounters() { arena.counterFields.row.fill(0) }

  /// The kernels that have run since the counters were cleared.
  public func kernelsUsed() -> Set<Kernel> {
    var used = Set<Kernel>()
    for (i, step) in plan.steps.enumerated() {
      let counters = sum(i, 0..<plan.options.batch)
      guard counters.rows > 0 else { continue }
      for kernel in step.kernels {
        let isUsed =
          switch kernel.linearStrategy {
          case .dense, .denseFused: counters.denseRows > 0
          case .shared: counters.sharedRows > 0
          case .many: counters.manyRows > 0
          case .tiles: counters.tiledRows > 0
          case .events:
            counters.denseRows + counters.sharedRows + counters.manyRows + counters.tiledRows
              < counters.rows
          case nil:
            // Of a convolution these are the rows that were summed by windows.
            switch kernel {
            case .convolutionWindows: counters.manyRows > 0
            case .convolutionEvents: counters.manyRows < counters.rows
            default: true
            }
          }
        if isUsed { used.insert(kernel) }
      }
    }
    return used
  }
}
