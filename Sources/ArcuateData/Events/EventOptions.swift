import ArcuateCore
import ArcuateModel

/// The file formats of event recordings; the raw values are their names on the command line.
public enum EventFormat: String, Sendable, CaseIterable {
  case evt2
  case evt21
  case evt3
  case dat
  case eventStream = "es"
  case nmnist
  case aedat2
  case aedat3
  case aedat4
  case cochlea
  case csv
  case npz
  case hdf5

  /// In messages.
  public var title: String {
    switch self {
    case .evt2: "Prophesee EVT 2.0"
    case .evt21: "Prophesee EVT 2.1"
    case .evt3: "Prophesee EVT 3.0"
    case .dat: "Prophesee DAT"
    case .eventStream: "Event Stream"
    case .nmnist: "N-MNIST"
    case .aedat2: "AEDAT 2"
    case .aedat3: "AEDAT 3.1"
    case .aedat4: "AEDAT 4"
    case .cochlea: "AER of a silicon cochlea"
    case .csv: "CSV"
    case .npz: "NumPy"
    case .hdf5: "HDF5"
    }
  }
}

/// How an event recording is read.
public struct EventOptions: Sendable {
  /// What time 0 is.
  public enum TimeOrigin: Sendable, Equatable {
    /// As in the file.
    case file
    /// The first event.
    case firstEvent
    /// The first word of the camera's clock, for EVT 2 and 3; other formats as in the file.
    case firstClock
    /// This time of the file, in microseconds.
    case offset(Int64)
  }
  /// Where y is 0.
  public enum VerticalOrigin: Sendable, Equatable {
    /// The top row: Event Stream and AEDAT 2 count from the bottom and are turned.
    case top
    /// As in the file.
    case file
  }
  /// The camera of an AEDAT 2 file, which says how its addresses are composed.
  public enum Camera: String, Sendable, CaseIterable {
    case dvs128, davis240, davis346

    var size: (width: Int, height: Int) {
      switch self {
      case .dvs128: (128, 128)
      case .davis240: (240, 180)
      case .davis346: (346, 260)
      }
    }
  }

  /// Nil to tell the format by the content.
  public var format: EventFormat?
  public var timeOrigin = TimeOrigin.file
  public var verticalOrigin = VerticalOrigin.top
  /// The size of the sensor in place of the file's.
  public var width: Int?
  public var height: Int?
  /// Nil to take the camera that the header names, or DVS128.
  public var camera: Camera?
  /// Bytes of an address of a silicon cochlea, 2 or 4; nil to tell by the content.
  public var addressBytes: Int?
  /// Nanoseconds of a unit of its clock; at 1000 times stay as they are.
  public var tick_ns = 1000

  public init(format: EventFormat? = nil) { self.format = format }

  /// Throws. `invalidArgument` for a number out of range.
  func check() throws(ArcuateError) {
    for (name, extent) in [("width", width), ("height", height)] {
      if let extent { try checkRange(extent, 1...1 << 15, name) }
    }
    if let addressBytes, addressBytes != 2, addressBytes != 4 {
      throw ArcuateError(.invalidArgument, "address_bytes must be 2 or 4, got \(addressBytes)")
    }
    try checkRange(tick_ns, 1...1_000_000_000, "tick_ns")
  }
}

/// What is known of a recording before its first event.
public struct EventHeader: Sendable, Equatable {
  public var format: EventFormat
  /// The sensor's size, if the file states it or the options do.
  public var width: Int?
  public var height: Int?
  /// Whether the file counts y from the bottom.
  public var countsFromBottom = false
  /// The kind of the format, such as "dvs" or "LZ4".
  public var detail = ""

  init(_ format: EventFormat) { self.format = format }
}
