import ArcuateCore

/// A convolution whose kernels a rule changes: the weight that positions share gets the sum of what
/// each of them asks for.
///
///     dW[o, c, k] = sum over terms and positions p of  rate * m[o, p] * post[o, p] * pre[c, p + k]
///
/// Post elements, modulators among them, are those of the output, channel-first.
public struct PlasticConvolution: Sendable, Equatable {
  /// Of one group.
  public var convolution: Convolution
  /// With terms at every step alone, and neither decay nor sums to keep.
  public var rule: PlasticRule
  public init(_ convolution: Convolution, rule: PlasticRule) {
    self.convolution = convolution
    self.rule = rule
  }

  func contradictions() -> [String] {
    var found = rule.contradictions()
    for (name, tensor) in [("weight", convolution.weight), ("bias", convolution.bias)] {
      if let tensor, !tensor.isFinite {
        found.append("the \(name) holds a number that is not finite")
      }
    }
    if convolution.groups != 1 {
      found.append("a convolution that learns has one group, not \(convolution.groups)")
    }
    if rule.terms.contains(where: { $0.event != .step || $0.pre == .one }) {
      found.append("a convolution learns by terms at every step, from its input")
    }
    if rule.application == .frame || rule.decay != .none || rule.columnSum != nil {
      found.append("a convolution is changed at every step, without decay and column sums")
    }
    return found
  }
}
