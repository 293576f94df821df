/// An exponential trace of earlier inputs, or two in a row.
///
///     y1 <- d1 y1 + g1 x      (add)     or     x where x is not 0, else d1 y1     (set)
///     y2 <- d2 y2 + g2 y1     with y1 as it is now, or with `lags` as it was before this step
///
/// d = exp(-dt / tau), with `isEuler` 1 - dt / tau. As a node of a model a trace emits the last of
/// the two; in a rule it belongs to one side of a synapse.
///
/// | parameter | unit | default | meaning                    |
/// |-----------|------|---------|----------------------------|
/// | tau       | s    | –       | of the first exponential   |
/// | gain      | 1    | 1       | of the input (add)         |
/// | second    | s    | none    | of the second exponential  |
/// | secondGain| 1    | 1       | of the first in the second |
public struct Trace: Sendable, Hashable {
  public enum Arrival: String, Sendable, CaseIterable {
    /// An input adds to the trace.
    case add
    /// An input replaces the trace: only the latest counts.
    case set
  }
  public var tau_s: Float
  public var arrival: Arrival
  public var gain: Float
  public var second_s: Float?
  public var secondGain: Float
  public var lags: Bool
  public var isEuler: Bool

  public init(
    tau_s: Float, arrival: Arrival = .add, gain: Float = 1, second_s: Float? = nil,
    secondGain: Float = 1, lags: Bool = false, isEuler: Bool = false
  ) {
    self.tau_s = tau_s
    self.arrival = arrival
    self.gain = gain
    self.second_s = second_s
    self.secondGain = secondGain
    self.lags = lags
    self.isEuler = isEuler
  }
}
