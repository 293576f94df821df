import ArcuateCore

/// The computation of one component of a Kaldi network, in terms of a model.
enum Nnet3Component {
  /// Rows of the weight are outputs; the input is the concatenation of its frames at `times`.
  case affine(weight: KaldiMatrix, bias: [Float]?, times: [Int])
  case activation(Nnet3Activation, dim: Int)
  case normalize(dim: Int, target: Float, appendsLog: Bool)
  /// y = x * factor + shift, element by element.
  case scaleAndShift(factor: [Float], shift: [Float])
  case batchNorm(mean: [Float], variance: [Float], epsilon: Float, target: Float)
  /// Peephole weights of input, forget and output gate: 3 rows with one number per cell.
  case lstm(KaldiMatrix)
  /// Output element i is input element `columns[i]`.
  case permute([Int])
  /// The elementwise product of `parts` equal parts of the input.
  case product(parts: Int, dim: Int)
  /// No operation outside training.
  case identity(dim: Int)

  var inputDim: Int {
    switch self {
    case .affine(let weight, _, let times): weight.columns / max(times.count, 1)
    case .activation(_, let dim), .normalize(let dim, _, _), .identity(let dim): dim
    case .scaleAndShift(let factor, _): factor.count
    case .batchNorm(let mean, _, _, _): mean.count
    case .lstm(let peepholes): 5 * peepholes.columns
    case .permute(let columns): columns.count
    case .product(let parts, let dim): parts * dim
    }
  }

  var outputDim: Int {
    switch self {
    case .affine(let weight, _, _): weight.rows
    case .normalize(let dim, _, let appendsLog): dim + (appendsLog ? 1 : 0)
    case .lstm(let peepholes): 2 * peepholes.columns
    case .product(_, let dim): dim
    default: inputDim
    }
  }
}

enum Nnet3Activation {
  case relu, sigmoid, tanh, softmax, logSoftmax
}

/// The stored fields of one component.
struct Nnet3Fields {
  private let type: String
  private var values: [String: Nnet3Tokens.Value] = [:]

  /// Fields that are lists of integers.
  private static let lists: Set = ["<TimeOffsets>", "<ColumnMap>"]

  /// Reads a component, which begins with its type.
  static func component(_ tokens: Nnet3Tokens) throws(ArcuateError) -> Nnet3Component {
    let word = try tokens.word()
    guard word.hasPrefix("<"), word.hasSuffix("Component>") else {
      throw ArcuateError(
        .malformed, "expected a component type, not \"\(word.prefix(60))\"")
    }
    let type = String(word.dropFirst().dropLast())
    guard supported.contains(type) else {
      throw ArcuateError(
        .unsupportedFormat,
        "\(type.prefix(60)) is not supported; supported are "
          + supported.sorted().joined(separator: ", "))
    }
    var fields = Nnet3Fields(type: type)
    while true {
      let name = try tokens.word()
      if name == "</\(type)>" { break }
      guard name.hasPrefix("<"), name.hasSuffix(">"), fields.values.count < 100 else {
        throw ArcuateError(
          .malformed, "expected a field of a \(type), not \"\(name.prefix(60))\"")
      }
      fields.values[name] = try within(name) { () throws(ArcuateError) in
        try tokens.value(isList: lists.contains(name))
      }
    }
    return try fields.component()
  }

  private init(type: String) { self.type = type }

  private static let supported: Set = [
    "AffineComponent", "NaturalGradientAffineComponent", "FixedAffineComponent", "LinearComponent",
    "TdnnComponent", "RectifiedLinearComponent", "SigmoidComponent", "TanhComponent",
    "SoftmaxComponent", "LogSoftmaxComponent", "NormalizeComponent", "BatchNormComponent",
    "FixedScaleComponent", "FixedBiasComponent", "PerElementScaleComponent",
    "NaturalGradientPerElementScaleComponent", "PerElementOffsetComponent",
    "ScaleAndOffsetComponent", "LstmNonlinearityComponent", "PermuteComponent",
    "ElementwiseProductComponent", "NoOpComponent", "DropoutComponent", "GeneralDropoutComponent",
    "SpecAugmentTimeMaskComponent", "ClipGradientComponent", "BackpropTruncationComponent",
  ]

  private func component() throws(ArcuateError) -> Nnet3Component {
    switch type {
    case "AffineComponent", "NaturalGradientAffineComponent", "FixedAffineComponent":
      return try affine(times: [0])
    case "TdnnComponent": return try affine(times: try list("<TimeOffsets>"))
    case "LinearComponent":
      return .affine(weight: try matrix("<Params>"), bias: nil, times: [0])
    case "RectifiedLinearComponent": return .activation(.relu, dim: try dim())
    case "SigmoidComponent": return .activation(.sigmoid, dim: try dim())
    case "TanhComponent": return .activation(.tanh, dim: try dim())
    case "SoftmaxComponent": return .activation(.softmax, dim: try dim())
    case "LogSoftmaxComponent": return .activation(.logSoftmax, dim: try dim())
    case "NormalizeComponent":
      let dim = try dim()
      guard try blockDim(dim) == dim else {
        throw ArcuateError(.unsupportedFormat, "a BlockDim below the dimension is not supported")
      }
      let target = try real("<TargetRms>", or: 1)
      return .normalize(
        dim: dim, target: target, appendsLog: try bool("<AddLogStddev>", or: false))
    case "BatchNormComponent":
      let dim = try dim()
      let block = try blockDim(dim)
      let repeats = dim / block
      func spread(_ name: String) throws(ArcuateError) -> [Float] {
        let values = try vector(name)
        guard values.count == block else {
          throw ArcuateError(
            .invalidModel,
            "\(name) has \(values.count) numbers, not \(block): the training "
              + "statistics are missing or do not match")
        }
        return (0..<repeats).flatMap { _ in values }
      }
      return .batchNorm(
        mean: try spread("<StatsMean>"),
        variance: try spread("<StatsVar>").map { max($0, 0) },
        epsilon: try real("<Epsilon>", or: 1e-3), target: try real("<TargetRms>", or: 1))
    case "FixedScaleComponent": return scaled(by: try vector("<Scales>"))
    case "PerElementScaleComponent", "NaturalGradientPerElementScaleComponent":
      return scaled(by: try vector("<Params>"))
    case "FixedBiasComponent": return shifted(by: try vector("<Bias>"))
    case "PerElementOffsetComponent":
      return shifted(by: try spread(try vector("<Offsets>"), "<Offsets>"))
    case "ScaleAndOffsetComponent":
      let (factor, shift) = (
        try spread(try vector("<Scales>"), "<Scales>"),
        try spread(try vector("<Offsets>"), "<Offsets>")
      )
      guard factor.count == shift.count else {
        throw ArcuateError(.invalidModel, "\(factor.count) scales for \(shift.count) offsets")
      }
      return .scaleAndShift(factor: factor, shift: shift)
    case "LstmNonlinearityComponent":
      let peepholes = try matrix("<Params>")
      guard peepholes.rows == 3 else {
        throw ArcuateError(.invalidModel, "<Params> has \(peepholes.rows) rows, not 3")
      }
      guard try !bool("<UseDropout>", or: false) else {
        throw ArcuateError(.unsupportedFormat, "dropout within the cell is not supported")
      }
      return .lstm(peepholes)
    case "PermuteComponent":
      let columns = try list("<ColumnMap>")
      guard Set(columns).count == columns.count,
        columns.allSatisfy({ columns.indices.contains($0) })
      else {
        throw ArcuateError(.invalidModel, "<ColumnMap> is not a permutation of the columns")
      }
      return .permute(columns)
    case "ElementwiseProductComponent":
      let (from, to) = (try whole("<InputDim>"), try whole("<OutputDim>"))
      guard from % to == 0 else {
        throw ArcuateError(.invalidModel, "\(from) inputs are not a multiple of \(to) outputs")
      }
      return .product(parts: from / to, dim: to)
    case "BackpropTruncationComponent":
      let dim = try dim()
      let scale = try real("<Scale>", or: 1)
      return scale == 1
        ? .identity(dim: dim) : scaled(by: [Float](repeating: scale, count: dim))
    default: return .identity(dim: try dim())
    }
  }

  private func scaled(by factor: [Float]) -> Nnet3Component {
    .scaleAndShift(factor: factor, shift: [Float](repeating: 0, count: factor.count))
  }

  private func shifted(by shift: [Float]) -> Nnet3Component {
    .scaleAndShift(factor: [Float](repeating: 1, count: shift.count), shift: shift)
  }

  private func affine(times: [Int]) throws(ArcuateError) -> Nnet3Component {
    let weight = try matrix("<LinearParams>")
    let bias = try vector("<BiasParams>")
    guard bias.isEmpty || bias.count == weight.rows else {
      throw ArcuateError(.invalidModel, "\(bias.count) biases for \(weight.rows) outputs")
    }
    guard (1...1000).contains(times.count), weight.columns % times.count == 0,
      times.allSatisfy({ $0.magnitude <= Nnet3Descriptor.largestOffset })
    else {
      throw ArcuateError(
        .invalidModel,
        "\(weight.columns) columns of weights do not match time offsets \(times.prefix(20))")
    }
    return .affine(weight: weight, bias: bias.isEmpty ? nil : bias, times: times)
  }

  // MARK: Fields

  private func missing(_ name: String, _ expected: String) -> ArcuateError {
    ArcuateError(
      .malformed, values[name] == nil ? "has no \(name)" : "\(name) is not \(expected)")
  }

  private func matrix(_ name: String) throws(ArcuateError) -> KaldiMatrix {
    guard case .matrix(let matrix) = values[name], matrix.rows > 0 else {
      throw missing(name, "a matrix")
    }
    guard matrix.rows <= Nnet3Config.largestDim, matrix.columns <= Nnet3Config.largestDim else {
      throw ArcuateError(.limitExceeded, "\(name) is \(matrix.rows) by \(matrix.columns)")
    }
    return matrix
  }

  private func vector(_ name: String) throws(ArcuateError) -> [Float] {
    guard case .vector(let values) = values[name] else { throw missing(name, "a vector") }
    guard values.count <= Nnet3Config.largestDim else {
      throw ArcuateError(.limitExceeded, "\(name) has \(values.count) numbers")
    }
    return values
  }

  /// The values, repeated to fill `<Dim>` if that is stated and larger.
  private func spread(_ values: [Float], _ name: String) throws(ArcuateError) -> [Float] {
    guard self.values["<Dim>"] != nil else { return values }
    let dim = try whole("<Dim>")
    guard !values.isEmpty, dim % values.count == 0 else {
      throw ArcuateError(.invalidModel, "\(name) has \(values.count) numbers for \(dim) elements")
    }
    return (0..<dim / values.count).flatMap { _ in values }
  }

  private func list(_ name: String) throws(ArcuateError) -> [Int] {
    guard case .integers(let values) = values[name] else {
      throw missing(name, "a list of integers")
    }
    guard values.count <= Nnet3Config.largestDim else {
      throw ArcuateError(.limitExceeded, "\(name) has \(values.count) numbers")
    }
    return values
  }

  private func whole(_ name: String) throws(ArcuateError) -> Int {
    guard case .number(let integer?, _) = values[name], integer > 0 else {
      throw missing(name, "a positive integer")
    }
    guard integer <= Nnet3Config.largestDim else {
      throw ArcuateError(
        .limitExceeded, "\(name) \(integer) exceeds the limit of \(Nnet3Config.largestDim)")
    }
    return integer
  }

  private func dim() throws(ArcuateError) -> Int {
    try whole(values["<InputDim>"] != nil && values["<Dim>"] == nil ? "<InputDim>" : "<Dim>")
  }

  private func blockDim(_ dim: Int) throws(ArcuateError) -> Int {
    guard values["<BlockDim>"] != nil else { return dim }
    let block = try whole("<BlockDim>")
    guard dim % block == 0 else {
      throw ArcuateError(.invalidModel, "<BlockDim> \(block) does not divide \(dim)")
    }
    return block
  }

  private func real(_ name: String, or fallback: Float) throws(ArcuateError) -> Float {
    guard values[name] != nil else { return fallback }
    guard case .number(_, let real?) = values[name], Float(real).isFinite else {
      throw missing(name, "a finite number")
    }
    return Float(real)
  }

  private func bool(_ name: String, or fallback: Bool) throws(ArcuateError) -> Bool {
    guard values[name] != nil else { return fallback }
    guard case .bool(let bool) = values[name] else { throw missing(name, "T or F") }
    return bool
  }
}
