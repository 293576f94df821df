import ArcuateCore

/// Assigns classes to neurons trained without labels by their responses, and lets the neurons vote.
///
/// A neuron gets the class with its highest mean response. A prediction is the class whose neurons
/// respond most on average, the first of equals; -1 where no neuron responds.
/// Source. Diehl and Cook 2015, section 2.5.
public struct ResponseLabels: Sendable {
  public let neurons: Int
  public let classes: Int
  private var sums: [Double]
  private var shown: [Int]

  public init(neurons: Int, classes: Int) {
    self.neurons = max(0, neurons)
    self.classes = max(1, classes)
    sums = [Double](repeating: 0, count: self.neurons * self.classes)
    shown = [Int](repeating: 0, count: self.classes)
  }

  /// Counts the response to a sample of class `label`.
  /// Throws. `invalidArgument` for a label out of range or another number of neurons.
  public mutating func add(_ response: [Float], label: Int) throws(ArcuateError) {
    guard label >= 0, label < classes else {
      throw ArcuateError(.invalidArgument, "label \(label) is not within 0 ..< \(classes)")
    }
    guard response.count == neurons else {
      throw ArcuateError(.invalidArgument, "\(response.count) responses of \(neurons) neurons")
    }
    for i in 0..<neurons { sums[label * neurons + i] += Double(response[i]) }
    shown[label] += 1
  }

  /// The class of each neuron; -1 for one that never responded.
  public var labels: [Int] {
    (0..<neurons).map { i in
      var best = -1
      var most = 0.0
      for c in 0..<classes where shown[c] > 0 {
        let mean = sums[c * neurons + i] / Double(shown[c])
        if mean > most { (best, most) = (c, mean) }
      }
      return best
    }
  }

  /// The class that `response` speaks for, by `labels`.
  public static func vote(_ response: [Float], labels: [Int], classes: Int) -> Int {
    var sums = [Double](repeating: 0, count: classes)
    var counts = [Int](repeating: 0, count: classes)
    for (i, label) in labels.enumerated() where label >= 0 && label < classes {
      sums[label] += i < response.count ? Double(response[i]) : 0
      counts[label] += 1
    }
    var best = -1
    var most = 0.0
    for c in 0..<classes where counts[c] > 0 && sums[c] / Double(counts[c]) > most {
      (best, most) = (c, sums[c] / Double(counts[c]))
    }
    return best
  }
}
