@_exported import ArcuateConversion
@_exported import ArcuateCore
@_exported import ArcuateFormats
@_exported import ArcuateModel
@_exported import ArcuateQuantization
@_exported import ArcuateRuntime
@_exported import ArcuateTraining
