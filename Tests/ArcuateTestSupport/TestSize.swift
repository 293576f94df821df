import Foundation

/// How much is tried: with ARCUATE_TEST_QUICK=1, as `Tests/run.sh quick` sets it, one seed for each
/// kind of network and one of 23 sizes of the kernel registry.
package enum TestSize {
  package static let isQuick = ProcessInfo.processInfo.environment["ARCUATE_TEST_QUICK"] == "1"
  /// Seeds of random networks and kernel inputs.
  package static let seeds: [UInt64] = isQuick ? [1] : [1, 2, 3]
  /// Of the kernel registry's sizes the first, and each that is this many after one that was tried.
  package static let registryStride = isQuick ? 23 : 1
  /// Random neuron programs of each part of their test, of which there are ten; ARCUATE_TEST_PROGRAMS
  /// asks for more.
  package static let programs =
    ProcessInfo.processInfo.environment["ARCUATE_TEST_PROGRAMS"].flatMap { Int($0) }
    ?? (isQuick ? 20 : 300)
}
