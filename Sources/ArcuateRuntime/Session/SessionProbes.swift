import ArcuateCore
import ArcuateModel

extension Session {
  /// Records `quantity` of the node called `name` from the next step on, up to `capacity` steps.
  ///
  /// Throws. `notFound` if there is no such node or it has no such quantity; `limitExceeded`.
  public func makeProbe(
    _ name: String, _ quantity: Probe.Quantity = .output, capacity: Int
  ) throws(ArcuateError) -> Probe {
    guard let index = plan.steps.firstIndex(where: { $0.name == name }) else {
      throw ArcuateError(.notFound, "there is no node \"\(name)\"")
    }
    let step = plan.steps[index]
    if let state = quantity.state, step.node.recordable(state) == nil {
      throw ArcuateError(
        .notFound, "the node has no \(quantity.rawValue)", at: "node \"\(name)\"")
    }
    let shape = step.shape
    var order: [Int32]?
    if step.isChannelLast {
      // Element i, channel-first, is channel i / pixels of pixel i % pixels.
      let channels = shape[0]
      let pixels = shape.count / channels
      order = (0..<shape.count).map { Int32(($0 % pixels) * channels + $0 / pixels) }
    }
    let probe = try Probe(
      node: name, quantity: quantity, shape: shape, capacity: capacity, step: index,
      batch: plan.options.batch, stride: plan.slots[step.output].stride, order: order)
    scheduler.probes.append(probe)
    return probe
  }

  /// Stops a recording. The recorded values remain readable.
  public func remove(_ probe: Probe) { scheduler.probes.removeAll { $0 === probe } }
}
