import ArcuateCore

extension Operator {
  /// The shape of the output for inputs of these shapes, nil where one is not known yet.
  ///
  /// Throws. As `outputShape(for:)`.
  public func outputShape(forAll inputs: [Shape?]) throws -> Shape? {
    let known = inputs.compactMap { $0 }
    if case .concatenation = self { return try concatenated(known, of: inputs.count) }
    for other in known.dropFirst() where other != known[0] {
      var verb = "summed"
      if case .multiplication = self { verb = "multiplied" }
      throw ArcuateError(
        .shapeMismatch, "receives shapes \(known[0]) and \(other), which cannot be \(verb)")
    }
    return try outputShape(for: known.first)
  }

  /// The shape of the output for an input of shape `input`; nil input means nothing is known yet.
  ///
  /// Returns nil if the shape cannot be told without the input's.
  /// Throws. `shapeMismatch` saying both shapes; `invalidModel` for parameters that contradict
  /// each other.
  public func outputShape(for input: Shape?) throws -> Shape? {
    switch self {
    case .input(let shape):
      return shape
    case .output(let shape):
      // The stated shape may have axes of 1 more or fewer; the check reports it.
      guard let input else { return shape }
      if input.count != shape.count { throw mismatch("an output of shape \(shape)", input) }
      return input
    case .linear(let linear):
      return try linear.outputShape(for: input)
    case .sparse(let sparse):
      return try sparse.outputShape(for: input)
    case .scale(let tensor), .delay(let tensor), .threshold(let tensor):
      return try elementwise(tensor.shape, input)
    case .convolution(let convolution):
      return try convolution.outputShape(for: input)
    case .pooling(let pooling):
      return try pooling.outputShape(for: input)
    case .flatten(let flatten):
      return try flatten.outputShape(for: input)
    case .neuron(let neuron):
      var shape = Shape.scalar
      for (name, tensor) in neuron.parameters where tensor.count != 1 {
        guard shape.count == 1 || tensor.shape == shape else {
          throw ArcuateError(
            .invalidModel, "\(name) has shape \(tensor.shape), other parameters have \(shape)")
        }
        shape = tensor.shape
      }
      if shape.count == 1, shape.rank == 0, let first = neuron.parameters.first {
        shape = first.tensor.shape
      }
      return try elementwise(shape, input)
    case .activation, .encoder, .decoder, .concatenation, .multiplication:
      return input
    case .normalization(let norm):
      guard norm.appendsLog, let input else { return input }
      guard input.rank == 1 else { throw mismatch("one axis, to which a number is added", input) }
      return try Shape([input[0] + 1])
    case .batchNorm(let norm):
      if let input {
        let channels = input.extents.first ?? 1
        for tensor in [norm.mean, norm.variance, norm.gamma, norm.beta]
        where tensor.count != channels {
          throw mismatch("\(tensor.count) channels", input)
        }
      }
      return input
    case .plastic(let node): return try node.outputShape(for: input)
    case .graph:
      throw ArcuateError(.invalidModel, "a nested graph must be flattened first")
    }
  }
}

private func mismatch(_ expectation: String, _ input: Shape) -> ArcuateError {
  ArcuateError(.shapeMismatch, "expects \(expectation), but receives \(input)")
}

/// Shapes one after another along the first axis; nil while some of the `count` are missing.
private func concatenated(_ known: [Shape], of count: Int) throws -> Shape? {
  guard let first = known.first else { return nil }
  var extent = 0
  for shape in known {
    guard shape.rank >= 1, shape.extents.dropFirst() == first.extents.dropFirst() else {
      throw ArcuateError(
        .shapeMismatch,
        "receives shapes \(first) and \(shape), which do not join along the first axis")
    }
    extent += shape[0]
  }
  guard known.count == count else { return nil }
  return try Shape([extent] + Array(first.extents.dropFirst()))
}

/// A parameter with one element fits every input.
private func elementwise(_ parameter: Shape, _ input: Shape?) throws -> Shape? {
  guard let input else { return parameter.count == 1 && parameter.rank == 0 ? nil : parameter }
  if parameter.count == 1 || parameter == input { return input }
  throw mismatch("shape \(parameter)", input)
}

extension Linear {
  func outputShape(for input: Shape?) throws -> Shape? {
    let shape = weight.shape
    guard shape.rank >= 2 else {
      throw ArcuateError(.invalidModel, "the weight has shape \(shape), not [.., out, in]")
    }
    let (post, pre) = (shape[shape.rank - 2], shape[shape.rank - 1])
    let leading = Array(shape.extents.dropLast(2))
    if let bias, bias.count != 1, bias.shape.extents != leading + [post],
      bias.shape.extents != [post]
    {
      throw ArcuateError(.invalidModel, "the bias has shape \(bias.shape), the weight \(shape)")
    }
    guard let input else { return try Shape(leading + [post]) }
    guard input.extents.last == pre, leading.isEmpty || Array(input.extents.dropLast()) == leading
    else {
      throw mismatch("\(leading.isEmpty ? "[.., \(pre)]" : "\(leading + [pre])")", input)
    }
    return try Shape(Array(input.extents.dropLast()) + [post])
  }
}

extension Convolution {
  /// Padding on each side, per spatial axis: before and after.
  public func pads() -> [(before: Int, after: Int)] {
    switch padding {
    case .explicit(let pads): pads.map { ($0, $0) }
    case .valid: [(Int, Int)](repeating: (0, 0), count: axes)
    case .same:
      (0..<axes).map { axis in
        let total = dilation[axis] * (weight.shape[axis + 2] - 1)
        return (total / 2, total - total / 2)
      }
    }
  }

  func outputShape(for input: Shape?) throws -> Shape? {
    guard weight.shape.rank == 3 || weight.shape.rank == 4 else {
      throw ArcuateError(
        .invalidModel, "the weight has shape \(weight.shape), not [out, in / groups, kernel..]")
    }
    let counts = [stride.count, dilation.count]
    var padsFit = true
    if case .explicit(let pads) = padding {
      padsFit = pads.count == axes && pads.allSatisfy { (0...1 << 20).contains($0) }
    }
    guard counts.allSatisfy({ $0 == axes }), padsFit else {
      throw ArcuateError(
        .invalidModel, "stride, padding and dilation need \(axes) numbers each, padding >= 0")
    }
    let channels = weight.shape[0]
    guard stride.allSatisfy({ (1...1 << 20).contains($0) }),
      dilation.allSatisfy({ (1...1 << 20).contains($0) }), groups >= 1, channels % groups == 0,
      weight.shape.count > 0
    else {
      throw ArcuateError(
        .invalidModel,
        "stride \(stride), dilation \(dilation) and groups \(groups) do not fit weight "
          + "\(weight.shape)")
    }
    if let bias, bias.count != 1, bias.count != channels {
      throw ArcuateError(.invalidModel, "\(bias.count) biases for \(channels) channels")
    }
    let inChannels = weight.shape[1] * groups
    let known = try input ?? inputShape.map { try Shape([inChannels] + $0) }
    guard let known else { return nil }
    guard known.rank == axes + 1, known[0] == inChannels,
      inputShape == nil || inputShape! == Array(known.extents.dropFirst())
    else {
      let expected = inputShape.map { "\([inChannels] + $0)" } ?? "[\(inChannels), ..]"
      throw mismatch("\(expected)", known)
    }
    let pads = pads()
    var extents = [channels]
    for axis in 0..<axes {
      let reach = dilation[axis] * (weight.shape[axis + 2] - 1) + 1
      let room = known[axis + 1] + pads[axis].before + pads[axis].after - reach
      guard room >= 0 else { throw mismatch("at least \(reach) positions", known) }
      extents.append(room / stride[axis] + 1)
    }
    return try Shape(extents)
  }
}

extension Pooling {
  func outputShape(for input: Shape?) throws -> Shape? {
    guard kernel.count == 2, stride.count == 2, padding.count == 2,
      (kernel + stride).allSatisfy({ (1...1 << 20).contains($0) }),
      zip(padding, kernel).allSatisfy({ $0 >= 0 && $0 <= $1 })
    else {
      throw ArcuateError(
        .invalidModel, "kernel \(kernel), stride \(stride), padding \(padding) are not a pooling")
    }
    guard let input else { return nil }
    guard input.rank == 3 else { throw mismatch("[channels, height, width]", input) }
    var extents = [input[0]]
    for axis in 0..<2 {
      let room = input[axis + 1] + 2 * padding[axis] - kernel[axis]
      guard room >= 0 else { throw mismatch("at least \(kernel) positions", input) }
      extents.append(room / stride[axis] + 1)
    }
    return try Shape(extents)
  }
}

extension Flatten {
  func outputShape(for input: Shape?) throws -> Shape? {
    guard let input = input ?? inputShape else { return nil }
    let first = start < 0 ? start + input.rank : start
    let last = end < 0 ? end + input.rank : end
    guard first >= 0, first <= last, last < input.rank else {
      throw mismatch("axes \(start) ... \(end)", input)
    }
    let merged = input.extents[first...last].reduce(1, *)
    return try Shape(
      Array(input.extents[..<first]) + [merged] + Array(input.extents[(last + 1)...]))
  }
}
