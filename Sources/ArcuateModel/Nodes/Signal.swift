/// What an edge carries.
public enum Signal: String, Sendable, CaseIterable {
  case value, spike
}
