import ArcuateCore
import ArcuateModel

extension PlasticRule {
  /// The rate and the decay of a rule that has a gradient: H + rate x y^T less a decay, after each
  /// step.
  /// Throws. `cannotCompile` naming the part without a gradient.
  func fastRule() throws(ArcuateError) -> (rate: Float, decay: FastWeightsNode.Decay) {
    func refuse(_ what: String) -> ArcuateError {
      ArcuateError(
        .cannotCompile,
        "\(what) has no gradient here: only a rule of one term, the input times the output of the "
          + "post node, with or without decay, has one")
    }
    guard terms.count == 1, let term = terms.first else { throw refuse("a rule of several terms") }
    // The product is zero where either side is silent, whatever the event.
    guard term.pre == .value, term.post == .value else { throw refuse("a factor of its rule") }
    guard modulator == nil else { throw refuse("a modulator") }
    guard low == -.infinity, high == .infinity else { throw refuse("a bound of fast weights") }
    guard scaling == .none else { throw refuse("a step of its own for each weight") }
    switch decay {
    case .none: return (term.rate, .none)
    case .weight(let decay), .oja(let decay):
      guard term.rate != 0 || decay == 0 else { throw refuse("a decay beside a rate of 0") }
      let ratio = term.rate == 0 ? 0 : decay / term.rate
      if case .oja = self.decay { return (term.rate, .oja(ratio: ratio)) }
      return (term.rate, .weight(ratio: ratio))
    }
  }

  /// The same rule at another rate. Needs. A rule that `fastRule` takes.
  func fast(rate: Float) -> PlasticRule {
    var copy = self
    let factor = terms[0].rate == 0 ? 0 : rate / terms[0].rate
    copy.terms[0].rate = rate
    switch decay {
    case .none: break
    case .weight(let decay): copy.decay = .weight(decay * factor)
    case .oja(let decay): copy.decay = .oja(decay * factor)
    }
    return copy
  }
}
