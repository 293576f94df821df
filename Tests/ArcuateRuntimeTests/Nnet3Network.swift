import Arcuate

/// A Kaldi network evaluated by its definition, one node and frame at a time, in float64.
///
/// Frames of the input exist from as far before the first as the output depends on without
/// IfDefined to as far after the last, the first and the last repeated. Shares no code with the
/// reader.
struct Nnet3Network {
  indirect enum Source {
    case node(String)
    case part(String, Int, Int)
    case offset(Source, Int)
    case ifDefined(Source)
    case sum(Source, Source)
    case scale(Double, Source)
    case const(Double, Int)
    case append([Source])
  }
  enum Component {
    case affine([[Double]], [Double])
    case tdnn([[Double]], [Double], [Int])
    case relu(Int)
    case lstm([[Double]])
    case batchNorm([Double], [Double])
    case normalize(Int, log: Bool)
    case noOp(Int)
    case product(Int)
  }

  let inputDim: Int
  var nodes: [(name: String, component: Component, input: Source)] = []
  var ranges: [(name: String, of: String, from: Int, dim: Int)] = []
  let output: Source

  // MARK: Text

  private static func text(_ source: Source) -> String {
    switch source {
    case .node(let name): name
    case .part(let name, _, _): name
    case .offset(let s, let o): "Offset(\(text(s)), \(o))"
    case .ifDefined(let s): "IfDefined(\(text(s)))"
    case .sum(let a, let b): "Sum(\(text(a)), \(text(b)))"
    case .scale(let f, let s): "Scale(\(f), \(text(s)))"
    case .const(let v, let n): "Const(\(v), \(n))"
    case .append(let all): "Append(" + all.map(text).joined(separator: ", ") + ")"
    }
  }

  var text: String {
    var text = "<Nnet3> \ninput-node name=input dim=\(inputDim)\n"
    for node in nodes {
      text +=
        "component-node name=\(node.name) component=\(node.name) input=\(Self.text(node.input))\n"
    }
    for range in ranges {
      text +=
        "dim-range-node name=\(range.name) input-node=\(range.of) dim-offset=\(range.from) dim=\(range.dim)\n"
    }
    text += "output-node name=output input=\(Self.text(output)) objective=linear\n\n"
    text += "<NumComponents> \(nodes.count) \n"
    func vector(_ values: [Double]) -> String {
      " [ " + values.map { "\($0) " }.joined() + "]\n"
    }
    func matrix(_ rows: [[Double]]) -> String {
      " [" + rows.map { "\n  " + $0.map { "\($0) " }.joined() }.joined() + "]\n"
    }
    for node in nodes {
      let (type, fields) =
        switch node.component {
        case .affine(let w, let b):
          (
            "NaturalGradientAffineComponent",
            "<MaxChange> 0.75 <LinearParams> \(matrix(w))<BiasParams> \(vector(b))<IsGradient> F "
          )
        case .tdnn(let w, let b, let times):
          (
            "TdnnComponent",
            "<TimeOffsets> [ \(times.map { "\($0) " }.joined())]\n<LinearParams> \(matrix(w))"
              + "<BiasParams> \(vector(b))<OrthonormalConstraint> 0 "
          )
        case .relu(let n):
          ("RectifiedLinearComponent", "<Dim> \(n) <ValueAvg> [ ]\n<Count> 0 ")
        case .lstm(let p): ("LstmNonlinearityComponent", "<Params> \(matrix(p))<Count> 0 ")
        case .batchNorm(let mean, let variance):
          (
            "BatchNormComponent",
            "<Dim> \(2 * mean.count) <BlockDim> \(mean.count) <Epsilon> 0.001 <TargetRms> 0.5 "
              + "<TestMode> F <Count> 3 <StatsMean> \(vector(mean))<StatsVar> \(vector(variance))"
          )
        case .normalize(let n, let log):
          (
            "NormalizeComponent",
            "<InputDim> \(n) <TargetRms> 0.7 <AddLogStddev> \(log ? "T" : "F") "
          )
        case .noOp(let n): ("NoOpComponent", "<Dim> \(n) ")
        case .product(let n):
          ("ElementwiseProductComponent", "<InputDim> \(2 * n) <OutputDim> \(n) ")
        }
      text += "<ComponentName> \(node.name) <\(type)> \(fields)</\(type)> \n"
    }
    return text + "</Nnet3> "
  }

  // MARK: Values

  private func node(_ name: String) -> (name: String, component: Component, input: Source)? {
    nodes.first { $0.name == name }
  }

  /// The least and the largest frame of the input that is needed for frame `t` of a source.
  private func needed(_ source: Source, _ t: Int) -> ClosedRange<Int>? {
    func join(_ all: [ClosedRange<Int>?]) -> ClosedRange<Int>? {
      let all = all.compactMap { $0 }
      guard let low = all.map(\.lowerBound).min(), let high = all.map(\.upperBound).max() else {
        return nil
      }
      return low...high
    }
    switch source {
    case .node("input"): return t...t
    case .node(let name), .part(let name, _, _):
      let of = ranges.first { $0.name == name }?.of ?? name
      let node = node(of)!
      if case .tdnn(_, _, let times) = node.component {
        return join(times.map { needed(node.input, t + $0) })
      }
      return needed(node.input, t)
    case .offset(let s, let o): return needed(s, t + o)
    case .ifDefined, .const: return nil
    case .sum(let a, let b): return join([needed(a, t), needed(b, t)])
    case .scale(_, let s): return needed(s, t)
    case .append(let all): return join(all.map { needed($0, t) })
    }
  }

  var context: (left: Int, right: Int) {
    let range = needed(output, 0) ?? 0...0
    return (-range.lowerBound, range.upperBound)
  }

  private final class Memory {
    var values: [String: [Double]?] = [:]
  }

  /// [frames][numbers] for `frames` of the input.
  func run(_ frames: [[Double]]) -> [[Double]] {
    let context = context
    let memory = Memory()
    return frames.indices.map { t in
      value(output, t, frames, -context.left...frames.count - 1 + context.right, memory)!
    }
  }

  private func width(_ source: Source) -> Int {
    switch source {
    case .node("input"): inputDim
    case .node(let name):
      switch node(name)!.component {
      case .affine(let w, _), .tdnn(let w, _, _): w.count
      case .relu(let n), .noOp(let n), .product(let n): n
      case .lstm(let p): 2 * p[0].count
      case .batchNorm(let mean, _): 2 * mean.count
      case .normalize(let n, let log): n + (log ? 1 : 0)
      }
    case .part(_, _, let count): count
    case .offset(let s, _), .ifDefined(let s), .scale(_, let s): width(s)
    case .sum(let a, _): width(a)
    case .const(_, let n): n
    case .append(let all): all.reduce(0) { $0 + width($1) }
    }
  }

  private func value(
    _ source: Source, _ t: Int, _ frames: [[Double]], _ given: ClosedRange<Int>, _ memory: Memory
  ) -> [Double]? {
    func of(_ s: Source, _ t: Int) -> [Double]? { value(s, t, frames, given, memory) }
    switch source {
    case .node("input"):
      return given.contains(t) ? frames[min(max(t, 0), frames.count - 1)] : nil
    case .part(let name, let from, let count):
      return of(.node(ranges.first { $0.name == name }!.of), t).map {
        Array($0[from..<from + count])
      }
    case .offset(let s, let o): return of(s, t + o)
    case .ifDefined(let s): return of(s, t) ?? [Double](repeating: 0, count: width(s))
    case .sum(let a, let b):
      guard let a = of(a, t), let b = of(b, t) else { return nil }
      return zip(a, b).map { $0 + $1 }
    case .scale(let f, let s): return of(s, t)?.map { $0 * f }
    case .const(let v, let n): return [Double](repeating: v, count: n)
    case .append(let all):
      var joined: [Double] = []
      for part in all {
        guard let part = of(part, t) else { return nil }
        joined += part
      }
      return joined
    case .node(let name):
      // Far before the first frame nothing is defined; this ends the recursion of cells.
      guard t >= given.lowerBound - 50 else { return nil }
      let key = "\(name) \(t)"
      if let known = memory.values[key] { return known }
      let node = node(name)!
      var result: [Double]?
      if case .tdnn(let w, let b, let times) = node.component {
        let parts = times.map { of(node.input, t + $0) }
        if parts.allSatisfy({ $0 != nil }) { result = Self.affine(w, b, parts.flatMap { $0! }) }
      } else if let x = of(node.input, t) {
        result = Self.apply(node.component, x)
      }
      memory.values[key] = .some(result)
      return result
    }
  }

  private static func affine(_ w: [[Double]], _ b: [Double], _ x: [Double]) -> [Double] {
    zip(w, b).map { row, b in zip(row, x).reduce(b) { $0 + $1.0 * $1.1 } }
  }

  private static func apply(_ component: Component, _ x: [Double]) -> [Double] {
    switch component {
    case .affine(let w, let b): return affine(w, b, x)
    case .tdnn: fatalError("applied above")
    case .relu: return x.map { max($0, 0) }
    case .noOp: return x
    case .product(let n): return (0..<n).map { x[$0] * x[n + $0] }
    case .batchNorm(let mean, let variance):
      return x.indices.map { i in
        let c = i % mean.count
        return (x[i] - mean[c]) * 0.5 / (variance[c] + 0.001).squareRoot()
      }
    case .normalize(let n, let log):
      let rms = max(x.reduce(0) { $0 + $1 * $1 } / Double(n), 0x1p-66 * 0.49).squareRoot()
      let y = x.map { $0 * 0.7 / rms }
      return log ? y + [Double.naturalLogarithm(rms)] : y
    case .lstm(let p):
      let n = p[0].count
      func part(_ k: Int, _ i: Int) -> Double { x[k * n + i] }
      var c: [Double] = []
      var m: [Double] = []
      for i in 0..<n {
        let before = part(4, i)
        let input = sigmoid(part(0, i) + p[0][i] * before)
        let forget = sigmoid(part(1, i) + p[1][i] * before)
        c.append(forget * before + input * Double.hyperbolicTangent(part(2, i)))
        m.append(sigmoid(part(3, i) + p[2][i] * c[i]) * Double.hyperbolicTangent(c[i]))
      }
      return c + m
    }
  }

  private static func sigmoid(_ x: Double) -> Double {
    (1 + Double.hyperbolicTangent(x / 2)) / 2
  }
}
