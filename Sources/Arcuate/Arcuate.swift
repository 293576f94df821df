@_exported import ArcuateCore
@_exported import ArcuateFormats
@_exported import ArcuateHardware
@_exported import ArcuateLearning
@_exported import ArcuateModel
@_exported import ArcuateRuntime
