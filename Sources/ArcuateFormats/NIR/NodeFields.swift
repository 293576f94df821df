import ArcuateCore
import ArcuateModel

/// The stored fields of one node and the operator they make.
struct NodeFields {
  private let reader: NIRReader
  private let group: NIRReader.Group
  private let type: String
  private var used: Set<String> = ["type", "metadata", "input_type", "output_type"]
  private(set) var mends: [String] = []
  private(set) var metadata: [String: Metadata] = [:]

  init(_ reader: NIRReader, _ group: NIRReader.Group, type: String) throws {
    self.reader = reader
    self.group = group
    self.type = type
    if let header = group.header("metadata") {
      metadata = try reader.metadata(header, group.path + "/metadata", depth: 0)
    }
  }

  func unused() -> [String] { group.members.map(\.name).filter { !used.contains($0) } }

  /// Nil for a type that is not NIR's.
  mutating func operation() throws -> Operator? {
    switch type {
    case "Input": return .input(shape: try shape("shape", or: "input_type"))
    case "Output": return .output(shape: try shape("shape", or: "output_type"))
    case "Linear": return .linear(Linear(weight: try tensor("weight")))
    case "Affine":
      return .linear(Linear(weight: try tensor("weight"), bias: try tensor("bias")))
    case "Scale": return .scale(try tensor("scale"))
    case "Conv1d", "Conv2d": return try convolution(axes: type == "Conv1d" ? 1 : 2)
    case "SumPool2d", "AvgPool2d":
      return .pooling(
        Pooling(
          kind: type == "SumPool2d" ? .sum : .average, kernel: try integers("kernel_size", 2),
          stride: try integers("stride", 2), padding: try integers("padding", 2, or: 0)))
    case "Flatten":
      let stated = try group.header("input_type").map { try extents($0, "input_type") } ?? nil
      return .flatten(
        Flatten(
          inputShape: try stated.map { try Shape($0) },
          start: try integers("start_dim", 1, or: 0)[0], end: try integers("end_dim", 1, or: -1)[0])
      )
    case "Delay": return .delay(try tensor("delay"))
    case "Threshold", "Spike": return .threshold(try tensor("threshold"))
    case "I": return .neuron(Neuron(.i, resistance: try tensor("r")))
    case "IF":
      let threshold = try tensor("v_threshold")
      return .neuron(
        Neuron(
          .integrateAndFire, resistance: try tensor("r"), threshold: threshold,
          resetValue: try tensor("v_reset", or: 0, like: threshold)))
    case "LI":
      return .neuron(
        Neuron(
          .li, tauMembrane: try tensor("tau"), resistance: try tensor("r"),
          leak: try tensor("v_leak")))
    case "LIF":
      let threshold = try tensor("v_threshold")
      return .neuron(
        Neuron(
          .lif, tauMembrane: try tensor("tau"), resistance: try tensor("r"),
          leak: try tensor("v_leak"), threshold: threshold,
          resetValue: try tensor("v_reset", or: 0, like: threshold)))
    case "CubaLI":
      let tau = try tensor("tau_mem")
      return .neuron(
        Neuron(
          .cubaLI, tauSynapse: try tensor("tau_syn"), tauMembrane: tau,
          resistance: try tensor("r"), leak: try tensor("v_leak"),
          inputWeight: try tensor("w_in", or: 1, like: tau)))
    case "CubaLIF":
      let threshold = try tensor("v_threshold")
      return .neuron(
        Neuron(
          .cubaLIF, tauSynapse: try tensor("tau_syn"), tauMembrane: try tensor("tau_mem"),
          resistance: try tensor("r"), leak: try tensor("v_leak"), threshold: threshold,
          resetValue: try tensor("v_reset", or: 0, like: threshold),
          inputWeight: try tensor("w_in", or: 1, like: threshold)))
    default: return nil
    }
  }

  private mutating func convolution(axes: Int) throws -> Operator {
    let weight = try tensor("weight")
    guard weight.shape.rank == axes + 2 else {
      throw ArcuateError(
        .invalidModel, "the weight has shape \(weight.shape), not \(axes + 2) axes", at: group.path)
    }
    var inputShape: [Int]?
    used.insert("input_shape")
    if let header = group.header("input_shape") {
      inputShape = try extents(header, "input_shape")
      if inputShape?.count == 1, axes == 2 { inputShape = [inputShape![0], inputShape![0]] }
    } else {
      mends.append("states no input_shape: taken from what feeds it")
    }
    let padding: Convolution.Padding
    used.insert("padding")
    if let header = group.header("padding"),
      case .strings(let texts) = try reader.dataset(header, group.path + "/padding").value
    {
      switch texts.first {
      case "same": padding = .same
      case "valid": padding = .valid
      default:
        throw ArcuateError(
          .invalidModel, "padding \"\(texts.first ?? "")\" is neither same nor valid",
          at: group.path)
      }
    } else {
      padding = .explicit(try integers("padding", axes, or: 0))
    }
    var bias: Tensor?
    if group.header("bias") != nil {
      bias = try tensor("bias")
    } else {
      used.insert("bias")
      mends.append("has no bias: zeros")
    }
    return .convolution(
      Convolution(
        inputShape: inputShape, weight: weight, bias: bias,
        stride: try integers("stride", axes, or: 1),
        padding: padding, dilation: try integers("dilation", axes, or: 1),
        groups: try integers("groups", 1, or: 1)[0]))
  }

  // MARK: Fields

  private mutating func tensor(_ name: String) throws -> Tensor {
    used.insert(name)
    guard let header = group.header(name) else {
      throw ArcuateError(.invalidModel, "a \(type) needs \"\(name)\"", at: group.path)
    }
    let path = "\(group.path)/\(name)"
    let data = try reader.dataset(header, path)
    guard case .numbers(let numbers) = data.value else {
      throw ArcuateError(.malformed, "is not numbers", at: path)
    }
    return try within(path) { try numbers.tensor(Shape(data.shape)) }
  }

  /// A field old files lack.
  private mutating func tensor(_ name: String, or value: Float, like: Tensor) throws -> Tensor {
    guard group.header(name) == nil else { return try tensor(name) }
    mends.append("has no \(name): \(value == 0 ? "zeros" : "ones")")
    return Tensor.filled(value, shape: like.shape)
  }

  /// `count` integers; a single one is repeated.
  private mutating func integers(_ name: String, _ count: Int, or fallback: Int? = nil) throws
    -> [Int]
  {
    used.insert(name)
    guard let header = group.header(name) else {
      guard let fallback else {
        throw ArcuateError(.invalidModel, "a \(type) needs \"\(name)\"", at: group.path)
      }
      mends.append("has no \(name): \(fallback)")
      return [Int](repeating: fallback, count: count)
    }
    let values = try whole(header, name)
    if values.count == count { return values }
    guard values.count == 1 else {
      throw ArcuateError(
        .invalidModel, "\(name) has \(values.count) numbers, not \(count)", at: group.path)
    }
    return [Int](repeating: values[0], count: count)
  }

  private mutating func shape(_ name: String, or alternative: String) throws -> Shape {
    used.insert(name)
    for name in [name, alternative] {
      if let header = group.header(name), let extents = try extents(header, name) {
        return try within(group.path) { try Shape(extents) }
      }
    }
    throw ArcuateError(.invalidModel, "a \(type) needs \"\(name)\"", at: group.path)
  }

  private func extents(_ header: Int, _ name: String) throws -> [Int]? {
    let values = try whole(header, name)
    guard values.allSatisfy({ (0...1 << 40).contains($0) }) else {
      throw ArcuateError(.invalidModel, "\(name) is \(values)", at: group.path)
    }
    return values
  }

  private func whole(_ header: Int, _ name: String) throws -> [Int] {
    let path = "\(group.path)/\(name)"
    guard case .numbers(let numbers) = try reader.dataset(header, path).value else {
      throw ArcuateError(.malformed, "is not numbers", at: path)
    }
    return try numbers.doubles().map { number in
      guard number.rounded() == number, abs(number) <= 1e12 else {
        throw ArcuateError(.invalidModel, "\(number) is not a whole number", at: path)
      }
      return Int(number)
    }
  }
}
