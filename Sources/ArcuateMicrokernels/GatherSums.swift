import CShims

/// y[r] = start (or what y[r] held) + the sum of the listed rows of `source`, for lists
/// `first ..< last`, in the order of the lists; with `values`, each row times its value.
///
/// The forward pass of spikes is such a sum (of rows of weights, by the lists of who fired), and
/// so is the gradient of their weights (of rows of gradients, by the lists of when they fired).
/// Entries are ordered by block of the source, then by list, as they are read here: the part of a
/// panel that a block has stays in the first-level cache, and the entries come in one stream.
/// Those of list r in block b are starts[b * rows + r] ..< starts[b * rows + r + 1].
///
/// Needs. Rows of `count` floats, a multiple of 16, aligned to 64 bytes; at least one block.
@inline(never)
public func gatherSums(
  source: UnsafePointer<Float>, sourceStride: Int, entries: UnsafePointer<UInt32>,
  values: UnsafePointer<Float>?, starts: UnsafePointer<UInt32>, rows: Int, blocks: Int,
  first: Int, last: Int, start: UnsafePointer<Float>?, y: UnsafeMutablePointer<Float>,
  yStride: Int, count: Int
) {
  var column = 0
  while column < count {
    let width = min(64, count &- column)
    for b in 0..<blocks {
      let positions = starts + b &* rows
      for r in first..<last {
        let (begin, end) = (Int(positions[r]), Int(positions[r &+ 1]))
        let isStart = b == 0 && start != nil
        if begin == end && !isStart { continue }
        let list = entries + begin
        let out = y + (r &* yStride &+ column)
        let from = isStart ? start.unsafelyUnwrapped + column : UnsafePointer(out)
        if let values {
          weighted(
            source + column, sourceStride, list, values + begin, end &- begin, from, out, width)
        } else if width == 64 {
          plain64(source + column, sourceStride, list, end &- begin, from, out)
        } else {
          plain16(source + column, sourceStride, list, end &- begin, from, out, width)
        }
      }
    }
    column &+= 64
  }
}

@inline(__always)
private func plain64(
  _ source: UnsafePointer<Float>, _ stride: Int, _ list: UnsafePointer<UInt32>, _ length: Int,
  _ from: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>
) {
  var a0 = load16(from)
  var a1 = load16(from + 16)
  var a2 = load16(from + 32)
  var a3 = load16(from + 48)
  for k in 0..<length {
    let row = source + Int(list[k]) &* stride
    a0 += load16(row)
    a1 += load16(row + 16)
    a2 += load16(row + 32)
    a3 += load16(row + 48)
  }
  store16(a0, out)
  store16(a1, out + 16)
  store16(a2, out + 32)
  store16(a3, out + 48)
}

@inline(__always)
private func plain16(
  _ source: UnsafePointer<Float>, _ stride: Int, _ list: UnsafePointer<UInt32>, _ length: Int,
  _ from: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ width: Int
) {
  var c = 0
  while c < width {
    var a = load16(from + c)
    for k in 0..<length { a += load16(source + (Int(list[k]) &* stride &+ c)) }
    store16(a, out + c)
    c &+= 16
  }
}

@inline(__always)
private func weighted(
  _ source: UnsafePointer<Float>, _ stride: Int, _ list: UnsafePointer<UInt32>,
  _ values: UnsafePointer<Float>, _ length: Int, _ from: UnsafePointer<Float>,
  _ out: UnsafeMutablePointer<Float>, _ width: Int
) {
  var c = 0
  // A product and a sum, as in the kernels that run the network.
  #if ARCUATE_WIDE
    while c &+ 64 <= width {
      var a0 = load16(from + c)
      var a1 = load16(from + (c &+ 16))
      var a2 = load16(from + (c &+ 32))
      var a3 = load16(from + (c &+ 48))
      for k in 0..<length {
        let row = source + (Int(list[k]) &* stride &+ c)
        let value = SIMD16<Float>(repeating: values[k])
        a0 += load16(row) * value
        a1 += load16(row + 16) * value
        a2 += load16(row + 32) * value
        a3 += load16(row + 48) * value
      }
      store16(a0, out + c)
      store16(a1, out + (c &+ 16))
      store16(a2, out + (c &+ 32))
      store16(a3, out + (c &+ 48))
      c &+= 64
    }
  #endif
  while c &+ 32 <= width {
    var a0 = load16(from + c)
    var a1 = load16(from + (c &+ 16))
    for k in 0..<length {
      let row = source + (Int(list[k]) &* stride &+ c)
      let value = SIMD16<Float>(repeating: values[k])
      a0 += load16(row) * value
      a1 += load16(row + 16) * value
    }
    store16(a0, out + c)
    store16(a1, out + (c &+ 16))
    c &+= 32
  }
  while c < width {
    var a = load16(from + c)
    for k in 0..<length {
      a += load16(source + (Int(list[k]) &* stride &+ c)) * SIMD16(repeating: values[k])
    }
    store16(a, out + c)
    c &+= 16
  }
}
