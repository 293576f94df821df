import ArcuateCore

/// The same with arrays, and with one target for all losses.
extension Trainer {
  public func trainStep(_ inputs: [[Float]], _ target: Target) throws(ArcuateError)
    -> TrainingResult
  {
    try trainStep(inputs, [target])
  }

  public func trainStep(_ inputs: [[Float]], _ targets: [Target]) throws(ArcuateError)
    -> TrainingResult
  {
    try Trainer.reading(inputs) { lent throws(ArcuateError) in try trainStep(lent, targets) }
  }

  public func gradients(_ inputs: [[Float]], _ target: Target) throws(ArcuateError)
    -> TrainingResult
  {
    try gradients(inputs, [target])
  }

  public func gradients(_ inputs: [[Float]], _ targets: [Target]) throws(ArcuateError)
    -> TrainingResult
  {
    try Trainer.reading(inputs) { lent throws(ArcuateError) in try gradients(lent, targets) }
  }

  public func evaluate(
    _ inputs: [[Float]], _ target: Target, samples: Int
  ) throws(ArcuateError) -> TrainingResult {
    try evaluate(inputs, [target], samples: samples)
  }

  public func evaluate(
    _ inputs: [[Float]], _ targets: [Target], samples: Int
  ) throws(ArcuateError) -> TrainingResult {
    try Trainer.reading(inputs) { lent throws(ArcuateError) in
      try evaluate(lent, targets, samples: samples)
    }
  }

  public func predict(_ inputs: [[Float]], samples: Int) throws(ArcuateError) -> [[Float]] {
    try Trainer.reading(inputs) { lent throws(ArcuateError) in try predict(lent, samples: samples) }
  }

  /// Calls `body` with buffers of the arrays.
  private static func reading<T>(
    _ arrays: [[Float]], _ lent: [UnsafeBufferPointer<Float>] = [],
    _ body: ([UnsafeBufferPointer<Float>]) throws(ArcuateError) -> T
  ) throws(ArcuateError) -> T {
    guard lent.count < arrays.count else { return try body(lent) }
    return try arrays[lent.count].withUnsafeBufferPointer { next throws(ArcuateError) in
      try reading(arrays, lent + [next], body)
    }
  }
}
