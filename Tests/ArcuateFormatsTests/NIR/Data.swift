import ArcuateCore
import Glibc

/// The folder of real recordings and models that some tests read; nil when the variable
/// ARCUATE_DATA is not set, and those tests are skipped then.
let dataFolder: String? = getenv("ARCUATE_DATA").map { String(cString: $0) }
