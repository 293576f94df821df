import Arcuate
import ArcuateConsole
import ArcuateData

/// The summary of `arcuate compute`.
struct ComputeSummary {
  let frameShift_s: Double
  let streams: Int
  var done = 0
  var failed = 0
  private var frames = 0
  private var counters = Counters()
  private var mean_s = 0.0
  private var percentile99_s = 0.0
  private var elapsed_s = 0.0
  private var network_s = 0.0

  init(frameShift_s: Double, streams: Int) {
    self.frameShift_s = frameShift_s
    self.streams = streams
  }

  mutating func take(_ pass: StreamPass) {
    frames = pass.frames
    counters = pass.counters
    mean_s = pass.latencies.mean
    percentile99_s = pass.latencies.percentile(0.99)
    elapsed_s = pass.elapsed / .seconds(1)
    network_s = pass.inNetwork / .seconds(1)
  }

  private func perFrame(_ count: UInt64) -> Double {
    frames == 0 ? 0 : Double(count) / Double(frames)
  }

  /// Seconds of computation, reading and writing per second of input.
  private var realTimeFactor: Double {
    frames == 0 ? 0 : elapsed_s / (Double(frames) * frameShift_s)
  }

  var text: String {
    let done =
      "\(programName): \(done) utterance\(done == 1 ? "" : "s") done, \(failed) failed, \(frames) frames "
      + "in \(fixed(elapsed_s, 2)) s"
    guard frames > 0 else { return done }
    return """
      \(done)
      latency    mean \(fixed(mean_s * 1000, 4)) ms, 99th percentile \
      \(fixed(percentile99_s * 1000, 4)) ms per call, up to \(streams) \
      stream\(streams == 1 ? "" : "s")
      real time  factor \(fixed(realTimeFactor, 5)) including input and output, frames of \
      \(fixed(frameShift_s * 1000, 2)) ms
      per frame  \(fixed(perFrame(counters.spikes), 1)) spikes, \(fixed(perFrame(counters.macs), 1)) \
      MAC + \(fixed(perFrame(counters.acs), 1)) AC of \
      \(fixed(perFrame(counters.denseOperations), 1)) dense operations
      """
  }

  var json: JSON {
    [
      "utterances": .number(done), "failed": .number(failed), "frames": .number(frames),
      "streams": .number(streams), "frame_shift_s": .number(frameShift_s),
      "elapsed_s": .number(elapsed_s), "network_s": .number(network_s),
      "real_time_factor": .number(realTimeFactor),
      "latency_mean_s": .number(mean_s), "latency_p99_s": .number(percentile99_s),
      "per_frame": [
        "spikes": .number(perFrame(counters.spikes)), "macs": .number(perFrame(counters.macs)),
        "acs": .number(perFrame(counters.acs)),
        "dense_operations": .number(perFrame(counters.denseOperations)),
        "neuron_updates": .number(perFrame(counters.neuronUpdates)),
      ], "total": counters.json,
    ]
  }
}
