import Arcuate
import ArcuateConsole
import ArcuateData
import Glibc

/// What is done to each row of output before it is written.
struct Posteriors {
  private let logSoftmax: Bool
  private let columns: Int
  /// Logarithms of the priors; empty for none.
  private var logPriors: [Double] = []

  /// Taken off instead of the logarithm of a prior that is practically zero, as Kaldi does.
  private static let never = Double(Float.greatestFiniteMagnitude).squareRoot()
  private static let smallest = 1e-10

  /// Throws. For a file of priors that is not a vector of `columns` numbers from 0.
  init(logSoftmax: Bool, priors: String?, columns: Int) throws {
    self.logSoftmax = logSoftmax
    self.columns = columns
    guard let priors,
      case .vector(let counts) = try KaldiValue.read(named: priors, expecting: .vector)
    else { return }
    let sum = counts.reduce(0) { $0 + Double($1) }
    guard counts.count == columns else {
      throw ArcuateError(
        .malformed, "holds \(counts.count) priors for \(columns) columns of output", at: priors)
    }
    if let i = counts.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
      throw ArcuateError(
        .malformed, "prior \(i) is \(counts[i]), where a finite number from 0 is expected",
        at: priors)
    }
    guard sum > 0 else { throw ArcuateError(.malformed, "all priors are 0", at: priors) }
    logPriors = counts.map {
      let share = Double($0) / sum
      return share > Posteriors.smallest ? log(share) : Posteriors.never
    }
  }

  /// Works in double precision and rounds once.
  func apply(_ values: inout [Float]) {
    guard logSoftmax || !logPriors.isEmpty, columns > 0 else { return }
    for start in stride(from: 0, to: values.count, by: columns) {
      var shift = 0.0
      if logSoftmax {
        let row = values[start..<start + columns]
        let most = Double(row.max()!)
        shift = most + log(row.reduce(0) { $0 + exp(Double($1) - most) })
      }
      for i in 0..<columns {
        let prior = logPriors.isEmpty ? 0 : logPriors[i]
        values[start + i] = Float(Double(values[start + i]) - shift - prior)
      }
    }
  }
}
