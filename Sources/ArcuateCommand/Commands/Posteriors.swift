import Arcuate
import ArcuateConsole
import ArcuateData

/// Log-softmax and priors, applied to each output row before it is written.
struct Posteriors {
  private let logSoftmax: Bool
  private let columns: Int
  /// Logarithms of the priors; empty for none.
  private var logPriors: [Double] = []

  /// Subtracted in place of the logarithm of a prior that is practically zero, as in Kaldi.
  private static let never = Double(Float.greatestFiniteMagnitude).squareRoot()
  private static let smallest = 1e-10

  /// Throws. `malformed` if the priors are not `columns` nonnegative numbers.
  init(logSoftmax: Bool, priors: String?, columns: Int) throws {
    self.logSoftmax = logSoftmax
    self.columns = columns
    guard let priors,
      case .vector(let counts) = try KaldiValue.read(named: priors, expecting: .vector)
    else { return }
    let sum = counts.reduce(0) { $0 + Double($1) }
    guard counts.count == columns else {
      throw ArcuateError(
        .malformed, "has \(counts.count) priors for \(columns) output columns", at: priors)
    }
    if let i = counts.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
      throw ArcuateError(
        .malformed, "prior \(i) must be finite and nonnegative, got \(counts[i])",
        at: priors)
    }
    guard sum > 0 else { throw ArcuateError(.malformed, "all priors are 0", at: priors) }
    logPriors = counts.map {
      let share = Double($0) / sum
      return share > Posteriors.smallest ? System.log(share) : Posteriors.never
    }
  }

  /// Computes in double precision and rounds once.
  func apply(_ values: inout [Float]) {
    guard logSoftmax || !logPriors.isEmpty, columns > 0 else { return }
    for start in stride(from: 0, to: values.count, by: columns) {
      var shift = 0.0
      if logSoftmax {
        let row = values[start..<start + columns]
        let most = Double(row.max()!)
        shift = most + System.log(row.reduce(0) { $0 + System.exp(Double($1) - most) })
      }
      for i in 0..<columns {
        let prior = logPriors.isEmpty ? 0 : logPriors[i]
        values[start + i] = Float(Double(values[start + i]) - shift - prior)
      }
    }
  }
}
