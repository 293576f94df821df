import Arcuate
import CArcuate

@c @implementation
public func arcuate_convert_options_init(
  _ options: UnsafeMutablePointer<arcuate_convert_options>?
) {
  options?.pointee = convertDefaults
}

private var convertDefaults: arcuate_convert_options {
  var options = arcuate_convert_options()
  options.struct_size = MemoryLayout<arcuate_convert_options>.size
  options.percentile = 99.9
  options.factor = 1
  return options
}

private func conversion(_ given: arcuate_convert_options) throws -> Conversion {
  var result = Conversion()
  switch given.balancing {
  case ARCUATE_BALANCE_DATA: result.balancing = .data(percentile: given.percentile)
  case ARCUATE_BALANCE_MODEL: result.balancing = .model
  case ARCUATE_BALANCE_SPIKE_NORM: result.balancing = .spikeNorm(factor: Float(given.factor))
  default:
    throw ArcuateError(.invalidArgument, "balancing is \(given.balancing), not within 0 ... 2")
  }
  // The header lists each of these in the order of the cases.
  result.input = try choice(given.input, "input", Conversion.Input.self)
  result.bias = try choice(given.bias, "bias", Conversion.Bias.self)
  result.maximumPooling = try choice(
    given.max_pooling, "max_pooling", Conversion.MaximumPooling.self)
  result.readout = try choice(given.readout, "readout", Conversion.Readout.self)
  result.comparison = try truth(given.strict, "strict") ? .greater : .greaterOrEqual
  result.sharesScales = try !truth(given.separate_scales, "separate_scales")
  result.initialPotential = Float(given.initial_potential)
  result.steps = Int(given.steps)
  result.seed = given.seed
  return result
}

@c @implementation
public func arcuate_model_convert(
  _ model: OpaquePointer?, _ options: UnsafePointer<arcuate_convert_options>?,
  _ converted: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(converted, "converted")
    let given = try ArcuateC.options(
      options, defaults: convertDefaults, least: MemoryLayout<arcuate_convert_options>.size,
      "options")
    let settings = try conversion(given)
    let compiling = try compileOptions(given.compile)
    let frames =
      try held(given.frames, "frames") > 0
      ? try sampleFrames(
        given.frames, given.inputs, given.input_counts, compiling, handle.model) : nil
    let (spiking, report) = try handle.model.converted(settings, on: frames)
    result.pointee = handOut(
      ModelHandle(spiking, handle.readFindings, nil, ConversionText(report)))
  }
}

@c @implementation
public func arcuate_model_conversion(_ model: OpaquePointer?) -> UnsafePointer<CChar>? {
  object(ModelHandle.self, model)?.conversion?.table.pointer
}

@c @implementation
public func arcuate_model_converted_count(_ model: OpaquePointer?) -> Int {
  object(ModelHandle.self, model)?.conversion?.names.count ?? 0
}

@c @implementation
public func arcuate_model_converted_layer(
  _ model: OpaquePointer?, _ index: Int, _ layer: UnsafeMutablePointer<arcuate_converted_layer>?
) -> arcuate_status {
  answering(nil) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(layer, "layer")
    let size = try givenSize(result, least: MemoryLayout<arcuate_converted_layer>.size)
    guard let text = handle.conversion, text.names.indices.contains(index) else {
      throw ArcuateError(.invalidArgument, "index is out of range")
    }
    let found = text.report.layers[index]
    result.pointee = arcuate_converted_layer(
      struct_size: size, name: text.names[index].pointer, neurons: UInt64(found.neurons),
      scale: Double(found.scale), largest: found.largest.map(Double.init) ?? .nan)
  }
}

@c @implementation
public func arcuate_loss_options_init(_ options: UnsafeMutablePointer<arcuate_loss_options>?) {
  options?.pointee = lossDefaults
}

private var lossDefaults: arcuate_loss_options {
  var options = arcuate_loss_options()
  options.struct_size = MemoryLayout<arcuate_loss_options>.size
  options.steps = 20
  return options
}

@c @implementation
public func arcuate_model_conversion_loss(
  _ artificial: OpaquePointer?, _ spiking: OpaquePointer?,
  _ options: UnsafePointer<arcuate_loss_options>?,
  _ loss: UnsafeMutablePointer<arcuate_conversion_loss>?, _ rates: UnsafeMutablePointer<Double>?,
  _ capacity: Int, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  answering(error) {
    let ann = try required(object(ModelHandle.self, artificial), "artificial")
    let snn = try required(object(ModelHandle.self, spiking), "spiking")
    let result = try required(loss, "loss")
    let room = try held(capacity, "capacity")
    if room > 0 { _ = try required(rates, "rates") }
    let size = try givenSize(result, least: MemoryLayout<arcuate_conversion_loss>.size)
    let given = try ArcuateC.options(
      try required(options, "options"), defaults: lossDefaults,
      least: MemoryLayout<arcuate_loss_options>.size, "options")
    let sample = try sampleFrames(
      given.frames, given.inputs, given.input_counts, try compileOptions(given.compile),
      ann.model)
    let frames = sample.frames * sample.options.batch
    guard frames <= ConversionMeasurement.mostFrames else {
      throw ArcuateError(
        .limitExceeded,
        "\(frames) frames are above \(ConversionMeasurement.mostFrames), the most at once")
    }
    // SAFETY: the header says that there is a label for each frame of each stream.
    let labels = given.labels.map { labels in (0..<frames).map { Int(labels[$0]) } }
    let measurement = try ConversionMeasurement(of: ann.model, on: sample, labels: labels)
    let found = try measurement.loss(of: snn.model, steps: Int(given.steps))
    result.pointee = arcuate_conversion_loss(
      struct_size: size, frames: UInt64(found.frames), accuracy: found.accuracy ?? .nan,
      artificial_accuracy: found.artificialAccuracy ?? .nan, agreement: found.agreement,
      output_error: found.outputError, largest_error: found.largestError, spikes: found.spikes,
      acs: found.acs, macs: found.macs, artificial_macs: found.artificialMACs,
      layers: found.layers.count)
    for (i, layer) in found.layers.prefix(room).enumerated() {
      // SAFETY: the caller says that there is room for `capacity` numbers.
      rates![i] = layer.rate
    }
  }
}
