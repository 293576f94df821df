import Arcuate
import ArcuateConsole
import ArcuateData
import ArgumentParser

/// `arcuate compute`: a replacement for Kaldi's nnet3-compute.
struct Compute: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs an acoustic model on a Kaldi table of features and writes its outputs.",
    discussion: """
      Each utterance starts from rest; --frame-state selects what happens between its frames. \
      The model's metadata (steps_per_frame, frame_state, frame_input, frame_output, splice_left, \
      splice_right, subsampling) sets the defaults of these options. With left_context and latency \
      in the metadata, as in Kaldi nnet3 models, the first and last frame of an utterance are \
      repeated that many times, and each output is aligned with its frame.

      Tables: ark:FILE, scp:FILE, - for standard input or output; ark,t:FILE writes text, \
      ark,scp:FILE,FILE an archive and its script. Keys and file names are UTF-8. Shell commands \
      (ark:cmd |) are not run: use a pipe. An utterance with an error is reported and skipped; \
      the exit status is then 1.

      The summary shows the latency: the time of one call of the network, from input in memory to \
      output in memory; with --chunk 1, that is one frame of each active stream.

      EXAMPLES:
        arcuate compute net.nir scp:feats.scp ark:out.ark
        copy-feats scp:feats.scp ark:- | arcuate compute net.nir ark:- ark,t:-
        arcuate compute --splice-left 5 --splice-right 5 --log-softmax \\
          digits.nir ark:digits.ark ark,scp:post.ark,post.scp
        arcuate compute --subsampling 3 final.mdl scp:feats.scp ark:- | ...
        arcuate compute --priors pdf_counts.txt --log-softmax --batch 16 \\
          net.nir scp:feats.scp ark:- | latgen-faster-mapped ...
      """)

  @Argument(help: "\(ModelHelp.readable) One input port.")
  var model: String

  @Argument(help: "Table of feature matrices to read (rspecifier).")
  var features: String

  @Argument(help: "Table of output matrices to write (wspecifier).")
  var outputs: String

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var compiling: CompileArguments

  @Option(
    parsing: .unconditional,
    help: """
      Context frames spliced to the left, 0 ... 10000; the first frame is repeated at the edge. \
      Default: the model's metadata, or 0.
      """)
  var spliceLeft: Int?

  @Option(
    parsing: .unconditional,
    help: """
      Context frames spliced to the right, 0 ... 10000; the last frame is repeated at the edge. \
      Default: the model's metadata, or 0.
      """)
  var spliceRight: Int?

  @Option(
    parsing: .unconditional,
    help: """
      Write one output per this many frames, 1 ... 1000 (Kaldi's frame_subsampling_factor). \
      Default: the model's metadata, or 1.
      """)
  var subsampling: Int?

  @Option(help: "Output port to write; default: the first.")
  var outputPort: String?

  @Flag(help: "Apply log-softmax to each output row.")
  var logSoftmax = false

  @Option(
    help: """
      Kaldi vector of priors or counts; the log-prior of each column is subtracted. Columns with \
      a prior below 1e-10 become -1.8e19 and are never chosen.
      """)
  var priors: String?

  @Option(
    parsing: .unconditional,
    help: """
      Frames per call of the network, 1 ... 100000; more is faster with one step per frame.
      """)
  var chunk = 1

  @Option(
    parsing: .unconditional,
    help: "Time between frames in seconds, for the real-time factor.")
  var frameShift = 0.01

  @Option(help: "Write the summary as JSON to this file; - is standard output.")
  var json: String?

  @Flag(help: "Show no progress and no summary.")
  var quiet = false

  func validate() throws {
    try checkRange("--chunk", chunk, 1...100_000)
    guard frameShift > 0, frameShift.isFinite else {
      throw ValidationError("--frame-shift must be positive and finite, got \(frameShift)")
    }
    try checkRange("--subsampling", subsampling, 1...1000)
    try checkRange("--splice-left", spliceLeft, Splicing.widths)
    try checkRange("--splice-right", spliceRight, Splicing.widths)
  }

  func run() throws {
    let model = try reading.loadForUse(model)
    let plan = try within(self.model) { try model.compile(compiling.options(for: model)) }
    let port = try outputIndex(plan)
    guard plan.inputs.count == 1 else {
      throw ArcuateError(
        .invalidArgument, "has \(plan.inputs.count) input ports, expected one", at: self.model)
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
    // A width that all utterances share is said once.
    var reported: [String: Int] = [:]
    try pass.run {
      // The next usable utterance; errors in others are reported.
      while true {
        do {
          guard let (key, value) = try reader.next(), case .matrix(let matrix) = value else {
            return nil
          }
          if let archive = reader.archivePath { archives.insert(archive) }
          try within("\(reader.source): key \"\(key)\"") { try pass.admit(matrix) }
          return (key, matrix)
        } catch let error as ArcuateError {
          summary.failed += 1
          guard error.code == .shapeMismatch else {
            fail(error)
            continue
          }
          if reported[error.message] == nil { fail(error) }
          reported[error.message, default: 0] += 1
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
    for (message, count) in reported.sorted(by: { $0.key < $1.key }) where count > 1 {
      warn(
        ArcuateError(
          .shapeMismatch, "the same holds for \(count - 1) more utterances: \(message)",
          at: features))
    }
    summary.take(pass)
    // The archives of a script are known only now; nothing has been replaced yet.
    for archive in archives { try files.read(archive, as: "archive") }
    if summary.done > 0 { try writer.finish() }
    if !quiet { say(summary.text) }
    if let report {
      try report.write(summary.json.text + [UInt8(ascii: "\n")])
      try ByteWriter.finish([report])
    }
    if summary.done == 0 {
      throw ArcuateError(.notFound, "no utterance could be computed", at: features)
    }
    if summary.failed > 0 { throw ExitCode(1) }
  }

  private func outputIndex(_ plan: Plan) throws -> Int {
    guard let outputPort else { return 0 }
    guard let port = plan.outputs.firstIndex(where: { $0.name == outputPort }) else {
      let names = plan.outputs.map { "\"\($0.name)\"" }.joined(separator: ", ")
      throw ArcuateError(
        .notFound, "unknown output \"\(outputPort)\"; use one of \(names)", at: model)
    }
    return port
  }
}
