import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

/// `arcuate compute`: a model in the place of nnet3-compute.
struct Compute: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Runs an acoustic model over a Kaldi table of features and writes a table of outputs.",
    discussion: """
      Every utterance starts from rest; --frame-state says what happens between its frames. What \
      the model's metadata states under steps_per_frame, frame_state, frame_input, frame_output, \
      splice_left, splice_right and subsampling is the default of these options. Where it states \
      left_context and latency, as that of a Kaldi nnet3 model does, the first and the last frame \
      of an utterance are repeated as often, and outputs come out against their frames.

      Tables: ark:FILE, scp:FILE and - for standard input or output; ark,t:FILE writes text, \
      ark,scp:FILE,FILE an archive with its script. Keys and file names are UTF-8. Shell commands \
      (ark:cmd |) are not run: pipe. An utterance that cannot be used is reported and left out; \
      the exit status is then 1.

      The summary gives the latency of a frame: the time of one call of the network, from input \
      in memory to output in memory, with --chunk 1 for one frame of each stream that runs.

      EXAMPLES:
        arcuate compute net.nir scp:feats.scp ark:out.ark
        copy-feats scp:feats.scp ark:- | arcuate compute net.nir ark:- ark,t:-
        arcuate compute --splice-left 5 --splice-right 5 --log-softmax \\
          digits.nir ark:digits.ark ark,scp:post.ark,post.scp
        arcuate compute --subsampling 3 final.mdl scp:feats.scp ark:- | ...
        arcuate compute --priors pdf_counts.txt --log-softmax --batch 16 \\
          net.nir scp:feats.scp ark:- | latgen-faster-mapped ...
      """)

  @Argument(help: "A .nir or .safetensors file or a Kaldi nnet3 model, with one input port.")
  var model: String

  @Argument(help: "The table of feature matrices to read (rspecifier).")
  var features: String

  @Argument(help: "The table of matrices to write (wspecifier).")
  var outputs: String

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var compiling: CompileArguments

  @Option(
    parsing: .unconditional,
    help: """
      Frames put before each frame, 0 to 10000; the first is repeated at the edge. By default \
      splice_left of the model's metadata, or 0.
      """)
  var spliceLeft: Int?

  @Option(
    parsing: .unconditional,
    help: """
      Frames put after each frame, 0 to 10000; the last is repeated at the edge. By default \
      splice_right of the model's metadata, or 0.
      """)
  var spliceRight: Int?

  @Option(
    parsing: .unconditional,
    help: """
      Write the output of every so many frames, from the first on, 1 to 1000 (Kaldi's \
      frame_subsampling_factor). By default subsampling of the model's metadata, or 1.
      """)
  var subsampling: Int?

  @Option(help: "Output port to write; by default the first.")
  var outputPort: String?

  @Flag(help: "Write the logarithm of the softmax of each output row.")
  var logSoftmax = false

  @Option(
    help: """
      A Kaldi vector of priors or counts: the logarithm of each share is taken off its column. A \
      column whose share is below 1e-10 becomes -1.8e19, so that it is never chosen.
      """)
  var priors: String?

  @Option(
    parsing: .unconditional,
    help: """
      Frames handed to the network in one call, 1 to 100000: more is faster for one step a frame.
      """)
  var chunk = 1

  @Option(
    parsing: .unconditional,
    help: "Seconds from one frame to the next, for the real-time factor.")
  var frameShift = 0.01

  @Option(help: "Write the summary as JSON to this file, or - for standard output.")
  var json: String?

  @Flag(help: "No progress and no summary on the standard error.")
  var quiet = false

  func validate() throws {
    guard (1...100_000).contains(chunk) else {
      throw ValidationError("--chunk must be from 1 to 100000")
    }
    guard frameShift > 0, frameShift.isFinite else {
      throw ValidationError("--frame-shift must be a positive time in seconds")
    }
    if let subsampling, !(1...1000).contains(subsampling) {
      throw ValidationError("--subsampling must be from 1 to 1000")
    }
    for (name, value) in [("--splice-left", spliceLeft), ("--splice-right", spliceRight)] {
      if let value, !(0...10_000).contains(value) {
        throw ValidationError("\(name) must be from 0 to 10000")
      }
    }
  }

  func run() throws {
    let model = try reading.loadForUse(model)
    let plan = try within(self.model) { try model.compile(compiling.options(for: model)) }
    let port = try outputIndex(plan)
    guard plan.inputs.count == 1 else {
      throw ArcuateError(
        .invalidArgument, "has \(plan.inputs.count) input ports; one is needed", at: self.model)
    }
    let splicing = try Splicing(
      left: spliceLeft ?? model.metadataInteger("splice_left") ?? 0,
      right: spliceRight ?? model.metadataInteger("splice_right") ?? 0)
    let timing = try within(self.model) {
      try FrameTiming(model, subsampling: subsampling, plan.options)
    }
    let posteriors = try Posteriors(
      logSoftmax: logSoftmax, priors: priors, columns: plan.outputs[port].shape.count)
    let reader = try KaldiTableReader(features, expecting: .matrix)
    reader.warn = warn
    let writer = try KaldiTableWriter(outputs)
    defer { writer.discard() }
    let report = try json.map { try ByteWriter($0) }
    defer { report?.discard() }
    var files = UsedFiles()
    try files.read(self.model, as: "model")
    try files.read(reader.path, as: "features")
    if let priors { try files.read(try KaldiValue.path(named: priors), as: "priors") }
    for path in writer.paths { try files.write(path, as: "output") }
    if let json { try files.write(json, as: "summary") }

    let pass = StreamPass(
      try compiling.session(plan), output: port, splicing: splicing, timing: timing,
      chunk: chunk)
    var summary = ComputeSummary(frameShift_s: frameShift, streams: plan.options.batch)
    var archives: Set<String> = []
    var progress = Progress("utterances", quiet: quiet)
    try pass.run {
      // The next utterance that can be used; the others are reported.
      while true {
        do {
          guard let (key, value) = try reader.next(), case .matrix(let matrix) = value else {
            return nil
          }
          if let archive = reader.archivePath { archives.insert(archive) }
          try within("\(reader.source): key \"\(key)\"") { try pass.admit(matrix) }
          return (key, matrix)
        } catch let error as ArcuateError {
          fail(error)
          summary.failed += 1
        }
      }
    } emit: { key, rows, values in
      var values = values
      posteriors.apply(&values)
      let columns = plan.outputs[port].shape.count
      try writer.write(
        key, .matrix(try KaldiMatrix(rows: rows, columns: columns, values: values)))
      summary.done += 1
      progress.update(summary.done, fraction: reader.fraction)
    }
    Progress.clear()
    summary.take(pass)
    // What a script points into is known only now; nothing has been replaced yet.
    for archive in archives { try files.read(archive, as: "archive") }
    if summary.done > 0 { try writer.finish() }
    if !quiet { say(summary.text) }
    if let report {
      try report.write(summary.json.text + [UInt8(ascii: "\n")])
      try ByteWriter.finish([report])
    }
    if summary.done == 0 {
      throw ArcuateError(.notFound, "not one utterance could be computed", at: features)
    }
    if summary.failed > 0 { throw ExitCode(1) }
  }

  private func outputIndex(_ plan: Plan) throws -> Int {
    guard let outputPort else { return 0 }
    guard let port = plan.outputs.firstIndex(where: { $0.name == outputPort }) else {
      let names = plan.outputs.map { "\"\($0.name)\"" }.joined(separator: ", ")
      throw ArcuateError(.notFound, "there is no output \"\(outputPort)\", but \(names)", at: model)
    }
    return port
  }
}
