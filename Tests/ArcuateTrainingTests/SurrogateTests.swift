import ArcuateModel
import Testing

@Suite struct SurrogateTests {
  @Test(arguments: [
    Surrogate.box(width: 0.5, height: 1), .triangle(width: 1, height: 0.3),
    .fastSigmoid(slope: 10), .arctan(slope: 2),
  ])
  func theSmoothTwinHasThisDerivative(surrogate: Surrogate) throws {
    for place in stride(from: Float(-1.91), to: 2, by: 0.1) {
      let step: Float = 1e-2
      let after = try #require(surrogate.antiderivative(place + step))
      let before = try #require(surrogate.antiderivative(place - step))
      #expect(abs((after - before) / (2 * step) - surrogate.derivative(place)) < 2e-2)
    }
  }

  @Test func theDerivativeFadesWithTheTimeSinceASpike() {
    let surrogate = Surrogate.spikeTime(alpha: 0.3, beta: 0.01)
    #expect(surrogate.derivative(5) == 0.3)
    #expect(abs(surrogate.derivative(-5, since: 100) - 0.3 * 0.36787945) < 1e-6)
    #expect(surrogate.antiderivative(0) == nil)
  }
}
