import Arcuate
import CArcuate

@c @implementation
public func arcuate_version() -> Int32 {
  ARCUATE_VERSION_MAJOR * 1_000_000 + ARCUATE_VERSION_MINOR * 1000 + ARCUATE_VERSION_PATCH
}
