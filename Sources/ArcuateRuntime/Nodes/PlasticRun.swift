import ArcuateCore
import ArcuateKernels

/// The forward step of what learns, and of what that needs around it.
extension Session {
  func runPlastic(
    _ index: Int, _ input: Slot, _ shift: Int, _ output: Slot, _ range: Range<Int>,
    _ streams: Range<Int>, _ worker: Int
  ) {
    let step = plan.steps[index]
    guard case .plastic(let packed) = step.operation else { return }
    switch packed {
    case .linear(let linear):
      if let geometry = linear.geometry {
        runKernels(index, linear, geometry, input, shift, output, range, streams, worker)
      } else {
        runPlastic(index, linear, input, shift, output, range, streams)
      }
    case .cell(let cell):
      let theta = state.row.part(cell.theta, cell.stride)
      for b in streams {
        let rows = cellRows(cell, b)
        for t in range {
          cell.layer.step(
            input: row(input, t + shift, b), theta: theta, rows: rows, output: row(output, t, b))
          count(index, b, 4, UInt64(cell.layer.count))
          for probe in probes where probe.step == index && probe.quantity == .membrane {
            probe.row(t, b)?.copy(from: rows.membrane)
          }
        }
      }
    case .trace(let numbers, let offset):
      let stride = output.stride
      for b in streams {
        let first = state.row.part(offset + b * 2 * stride, stride)
        let second = state.row.part(offset + (b * 2 + 1) * stride, stride)
        for t in range {
          numbers.step(
            row(input, t + shift, b), first: first, second: second, count: step.inputCount)
          row(output, t, b).copy(from: numbers.isDouble ? second : first)
        }
      }
    case .winners(let most):
      let scratch = temporaries.row.part(worker * 2 * plan.widest, plan.widest)
      for t in range {
        for b in streams {
          Elementwise.winners(
            row(input, t + shift, b), most: most, into: row(output, t, b),
            count: step.outputCount, scratch: scratch)
        }
      }
    }
  }

  func cellRows(_ cell: PackedCell, _ b: Int) -> CellRows {
    func part(_ k: Int) -> Row<Float> {
      state.row.part(cell.state + (b * CellRows.count + k) * cell.stride, cell.stride)
    }
    return CellRows(
      membrane: part(0), input: part(1), lateral: part(2), recovery: part(3), silence: part(4),
      margin: part(5), spikes: part(6))
  }

  func weightRows(_ linear: PackedPlasticLinear) -> Row<Float> {
    state.row.part(linear.weights, linear.rows * linear.stride)
  }

  private func runPlastic(
    _ index: Int, _ linear: PackedPlasticLinear, _ input: Slot, _ shift: Int, _ output: Slot,
    _ range: Range<Int>, _ streams: Range<Int>
  ) {
    let step = plan.steps[index]
    let (inputs, stride) = (linear.inputs, linear.stride)
    let limit = Int32(Double(inputs) * Session.denseFraction)
    let weights = weightRows(linear)
    for t in range {
      var b = streams.lowerBound
      while b < streams.upperBound {
        let found = nonzero(input, t + shift, b)[0]
        var end = b + 1
        if found.count > limit {
          while end < streams.upperBound, end - b < 4, !input.constant,
            nonzero(input, t + shift, end)[0].count > limit
          { end += 1 }
          let from = input.row(step: t + shift, stream: b, batch: plan.options.batch)
          let to = output.row(step: t, stream: b, batch: plan.options.batch)
          PlasticRows.applyDense(
            input: values.row.part(input.values + from * input.stride, (end - b) * input.stride),
            inputStride: input.stride, rows: end - b, weights: weights, inputs: inputs,
            stride: stride,
            output: values.row.part(output.values + to * output.stride, (end - b) * output.stride))
          for r in b..<end { count(index, r, 6, 1) }
        } else {
          PlasticRows.applyEvents(
            input: row(input, t + shift, b), list: list(input, t + shift, b), nonzero: found,
            weights: weights, inputs: inputs, stride: stride, output: row(output, t, b))
        }
        for r in b..<end {
          if let alpha = linear.alpha {
            let (x, y) = (row(input, t + shift, r), row(output, t, r))
            let list = list(input, t + shift, r)
            for e in 0..<Int(nonzero(input, t + shift, r)[0].count) {
              let j = Int(list[e])
              let at = linear.fast + (r * inputs + j) * stride
              PlasticRows.addProduct(
                alpha.row.part(j * stride, stride), state.row.part(at, stride), times: x[j], to: y)
            }
          }
          countSynapses(index, step, input, t + shift, r)
        }
        b = end
      }
    }
  }

  /// The windows of a row beside each other, [inputs of a window][positions], in a worker's memory.
  func windows(
    _ x: Row<Float>, _ linear: PackedPlasticLinear, _ geometry: ConvolutionGeometry, _ worker: Int
  ) -> Matrix {
    let positions = linear.positions
    let size = linear.inputs * positions
    let columns = kernelWindows.row.part(worker * plan.largestWindows, size)
    Windows.spread(x, geometry, group: 0, into: columns, stride: positions)
    return Matrix(columns, rows: linear.inputs, columns: positions, rowStride: positions)
  }

  private func runKernels(
    _ index: Int, _ linear: PackedPlasticLinear, _ geometry: ConvolutionGeometry, _ input: Slot,
    _ shift: Int, _ output: Slot, _ range: Range<Int>, _ streams: Range<Int>, _ worker: Int
  ) {
    let step = plan.steps[index]
    let (inputs, outputs, positions) = (linear.inputs, linear.outputs, linear.positions)
    let rows = weightRows(linear)
    let kernels = Matrix(rows, rows: inputs, columns: outputs, rowStride: linear.stride).transposed
    for t in range {
      for b in streams {
        let y = row(output, t, b)
        for o in 0..<outputs {
          y.part(o * positions, positions).fill(rows[inputs * linear.stride + o])
        }
        let found = nonzero(input, t + shift, b)[0]
        if found.count > Int32(Double(step.inputCount) * Session.fewestForWindows) {
          kernelProducts[worker].multiply(
            kernels, windows(row(input, t + shift, b), linear, geometry, worker),
            into: Matrix(y, rows: outputs, columns: positions, rowStride: positions), adds: true)
          count(index, b, 6, 1)
        } else if found.count > 0 {
          Windows.addEvents(
            row(input, t + shift, b), list(input, t + shift, b).part(0, Int(found.count)), geometry,
            kernels: rows, stride: linear.stride, into: y)
        }
        countSynapses(index, step, input, t + shift, b)
      }
    }
  }

  /// The share of inputs that are not zero from which on windows beat adding kernels one by one.
  private static let fewestForWindows = 0.1
}
