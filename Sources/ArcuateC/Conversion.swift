import Arcuate
import CArcuate

@c @implementation
public func arcuate_conversion_options_init(
  _ options: UnsafeMutablePointer<arcuate_conversion_options>?
) {
  options?.pointee = conversionDefaults
}

private var conversionDefaults: arcuate_conversion_options {
  var options = arcuate_conversion_options()
  options.struct_size = MemoryLayout<arcuate_conversion_options>.size
  options.percentile = 99.9
  options.factor = 1
  return options
}

extension ConversionOptions.Input: HeaderConstant {
  static var constants: ClosedRange<Int32> {
    ARCUATE_CONVERSION_INPUT_CONSTANT...ARCUATE_CONVERSION_INPUT_BERNOULLI
  }

  init?(c value: Int32) {
    switch value {
    case ARCUATE_CONVERSION_INPUT_CONSTANT: self = .constant
    case ARCUATE_CONVERSION_INPUT_SINGLE_SHOT: self = .singleShot
    case ARCUATE_CONVERSION_INPUT_BERNOULLI: self = .bernoulli
    default: return nil
    }
  }
}

extension ConversionOptions.Bias: HeaderConstant {
  static var constants: ClosedRange<Int32> {
    ARCUATE_CONVERSION_BIAS_EVERY_STEP...ARCUATE_CONVERSION_BIAS_ONCE
  }

  init?(c value: Int32) {
    switch value {
    case ARCUATE_CONVERSION_BIAS_EVERY_STEP: self = .everyStep
    case ARCUATE_CONVERSION_BIAS_ONCE: self = .once
    default: return nil
    }
  }
}

extension ConversionOptions.MaximumPooling: HeaderConstant {
  static var constants: ClosedRange<Int32> {
    ARCUATE_CONVERSION_MAX_POOLING_SPIKES...ARCUATE_CONVERSION_MAX_POOLING_REFUSE
  }

  init?(c value: Int32) {
    switch value {
    case ARCUATE_CONVERSION_MAX_POOLING_SPIKES: self = .spikeMaximum
    case ARCUATE_CONVERSION_MAX_POOLING_REFUSE: self = .refuse
    default: return nil
    }
  }
}

extension ConversionOptions.Readout: HeaderConstant {
  static var constants: ClosedRange<Int32> {
    ARCUATE_CONVERSION_READOUT_POTENTIAL...ARCUATE_CONVERSION_READOUT_MEAN
  }

  init?(c value: Int32) {
    switch value {
    case ARCUATE_CONVERSION_READOUT_POTENTIAL: self = .potential
    case ARCUATE_CONVERSION_READOUT_MEAN: self = .mean
    default: return nil
    }
  }
}

private func conversion(_ given: arcuate_conversion_options) throws -> ConversionOptions {
  var result = ConversionOptions()
  switch given.balancing {
  case ARCUATE_BALANCING_DATA: result.balancing = .data(percentile: given.percentile)
  case ARCUATE_BALANCING_MODEL: result.balancing = .model
  case ARCUATE_BALANCING_SPIKE_NORM: result.balancing = .spikeNorm(factor: Float(given.factor))
  default:
    throw notWithin(
      ARCUATE_BALANCING_DATA...ARCUATE_BALANCING_SPIKE_NORM, given.balancing, "balancing")
  }
  result.input = try ConversionOptions.Input(c: given.input, "input")
  result.bias = try ConversionOptions.Bias(c: given.bias, "bias")
  result.maximumPooling = try ConversionOptions.MaximumPooling(c: given.max_pooling, "max_pooling")
  result.readout = try ConversionOptions.Readout(c: given.readout, "readout")
  result.comparison = try boolean(given.strict, "strict") ? .greater : .greaterOrEqual
  result.sharesScales = try !boolean(given.separate_scales, "separate_scales")
  result.initialPotential = Float(given.initial_potential)
  result.steps = Int(widening: given.steps)
  result.seed = given.seed
  return result
}

@c @implementation
public func arcuate_model_convert(
  _ model: OpaquePointer?, _ options: UnsafePointer<arcuate_conversion_options>?,
  _ converted: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(converted, "converted")
    let given = try ArcuateC.options(
      options, defaults: conversionDefaults, least: MemoryLayout<arcuate_conversion_options>.size,
      "options")
    let settings = try conversion(given)
    let compiling = try compileOptions(given.compile)
    let frames =
      try nonNegative(given.frames, "frames") > 0
      ? try sampleFrames(
        given.frames, given.inputs, given.input_counts, compiling, handle.model) : nil
    let (spiking, report) = try handle.model.converted(settings, on: frames)
    result.pointee = retain(
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
  withError(nil) {
    let handle = try required(object(ModelHandle.self, model), "model")
    let result = try required(layer, "layer")
    let size = try statedSize(result, least: MemoryLayout<arcuate_converted_layer>.size, "layer")
    guard let text = handle.conversion, text.names.indices.contains(index) else {
      throw ArcuateError(.invalidArgument, "index is out of range")
    }
    let found = text.report.layers[index]
    result.pointee = arcuate_converted_layer(
      struct_size: size, name: text.names[index].pointer, neurons: UInt64(clamping: found.neurons),
      scale: Double(found.scale), largest: found.largest.map(Double.init) ?? .nan)
  }
}

@c @implementation
public func arcuate_conversion_loss_options_init(
  _ options: UnsafeMutablePointer<arcuate_conversion_loss_options>?
) {
  options?.pointee = lossDefaults
}

private var lossDefaults: arcuate_conversion_loss_options {
  var options = arcuate_conversion_loss_options()
  options.struct_size = MemoryLayout<arcuate_conversion_loss_options>.size
  options.steps = 20
  return options
}

@c @implementation
public func arcuate_model_conversion_loss(
  _ artificial: OpaquePointer?, _ spiking: OpaquePointer?,
  _ options: UnsafePointer<arcuate_conversion_loss_options>?,
  _ loss: UnsafeMutablePointer<arcuate_conversion_loss>?, _ rates: UnsafeMutablePointer<Double>?,
  _ capacity: Int, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> arcuate_status {
  withError(error) {
    let ann = try required(object(ModelHandle.self, artificial), "artificial")
    let snn = try required(object(ModelHandle.self, spiking), "spiking")
    let result = try required(loss, "loss")
    let most = try nonNegative(capacity, "capacity")
    if most > 0 { _ = try required(rates, "rates") }
    let size = try statedSize(result, least: MemoryLayout<arcuate_conversion_loss>.size, "loss")
    let given = try ArcuateC.options(
      try required(options, "options"), defaults: lossDefaults,
      least: MemoryLayout<arcuate_conversion_loss_options>.size, "options")
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
    let labels = given.labels.map { labels in (0..<frames).map { Int(widening: labels[$0]) } }
    let measurement = try ConversionMeasurement(of: ann.model, on: sample, labels: labels)
    let found = try measurement.loss(of: snn.model, steps: Int(widening: given.steps))
    result.pointee = arcuate_conversion_loss(
      struct_size: size, frames: UInt64(clamping: found.frames), accuracy: found.accuracy ?? .nan,
      artificial_accuracy: found.artificialAccuracy ?? .nan, agreement: found.agreement,
      output_error: found.outputError, largest_error: found.largestError, spikes: found.spikes,
      acs: found.acs, macs: found.macs, artificial_macs: found.artificialMACs,
      layers: found.layers.count)
    for (i, layer) in found.layers.prefix(most).enumerated() {
      // SAFETY: the caller says that there are `capacity` elements.
      rates![i] = layer.rate
    }
  }
}
