import Arcuate
import ArcuateConsole
import ArcuateKernels
import CArcuate

/// The report: tables and JSON.
struct BenchReport {
  private let found: [BenchMeasurement]
  private let threads: Int
  private let seed: UInt64
  private let caches = Caches.ofThisMachine
  /// For one thread and for the number of threads measured.
  var ceilings: [Ceilings] = []
  var productLibrary: String?

  init(_ found: [BenchMeasurement], threads: Int, seed: UInt64) {
    self.found = found
    self.threads = threads
    self.seed = seed
  }

  private func floor(_ one: BenchMeasurement) -> Floor? {
    ceilings.first { $0.threads == one.benchCase.threads }.map { Floor(one.work, $0, caches) }
  }

  // MARK: Text

  var lines: [String] {
    let machine = "\(BenchReport.machine) (\(Instructions.current.rawValue))"
    return ["\(machine), \(threads) thread\(threads == 1 ? "" : "s"), seed \(seed)", ""]
      + times + [""] + work + [""] + memory + [""] + rates + [""] + speeds
  }

  private var times: [String] {
    textTable(
      [
        "workload", "weights", "steps", "batch", "ms per call", "min", "max", "floor", "x floor",
        "bound by",
      ],
      rightAligned: [2, 3, 4, 5, 6, 7, 8],
      found.map { one in
        let floor = floor(one)
        return one.columns + [
          milliseconds(one.median), milliseconds(one.rounds.min() ?? 0),
          milliseconds(one.rounds.max() ?? 0), floor.map { milliseconds($0.seconds) } ?? "-",
          floor.map { fixed(one.median / $0.seconds, 2) } ?? "-", floor?.bound ?? "-",
        ]
      })
  }

  private var work: [String] {
    textTable(
      [
        "workload", "weights", "steps", "batch", "spikes", "MAC", "AC", "dense", "touched MB",
        "as float32", "correct",
      ],
      rightAligned: [2, 3, 4, 5, 6, 7, 8, 9, 10],
      found.map { one in
        one.columns + [
          fixed(one.spikes, 0), fixed(one.macs, 0), fixed(one.acs, 0),
          fixed(one.denseOperations, 0), fixed(one.work.touchedBytes / 1e6, 2),
          one.agreement.map { "\(fixed(100 * $0, 2)) %" } ?? "-",
          one.accuracy.map { "\(fixed(100 * $0, 2)) %" } ?? "-",
        ]
      })
  }

  private var memory: [String] {
    textTable(
      [
        "workload", "weights", "steps", "batch", "open ms", "compile", "first", "plan MB",
        "session",
        "peak", "before", "kernels",
      ], rightAligned: [2, 3, 4, 5, 6, 7, 8, 9, 10],
      found.map { one in
        one.columns + [
          milliseconds(one.open_s), milliseconds(one.compile_s), milliseconds(one.first_s),
          megabytes(one.parameterBytes), megabytes(one.sessionBytes),
          one.peakBytes.map(megabytes) ?? "-", one.baseBytes.map(megabytes) ?? "-",
          one.kernels.joined(separator: " "),
        ]
      })
  }

  /// The activity of each node; independent of the number of threads.
  private var rates: [String] {
    ["active in a step"]
      + found.map { one in
        "  \(one.benchCase.name): "
          + one.rates.map { "\($0.node) \(fixed(100 * $0.rate, 2)) %" }.joined(separator: ", ")
      }
  }

  private var speeds: [String] {
    var rows: [[String]] = []
    func row(_ name: String, _ unit: String, _ value: (Ceilings) -> Double?) {
      rows.append([name] + ceilings.map { value($0).map { fixed($0 / 1e9, 1) } ?? "-" } + [unit])
    }
    for level in Ceilings.Level.allCases {
      row("read \(level.rawValue)", "GB/s") { $0.read[level] }
    }
    row("random rows of 8 kB, DRAM", "GB/s") { $0.rows }
    row("multiply-add", "GFLOP/s") { $0.multiplyAdd }
    for (i, product) in (ceilings.first?.products ?? []).enumerated() {
      row("sgemm \(product.rows)x2048x2048", "GFLOP/s") {
        i < $0.products.count ? $0.products[i].flops : nil
      }
    }
    let head =
      ["this machine"] + ceilings.map { "\($0.threads) thread\($0.threads == 1 ? "" : "s")" } + [""]
    let note =
      productLibrary.map { "sgemm of \($0)" }
      ?? "sgemm: OpenBLAS not found (\(SystemBLAS.names.joined(separator: ", ")))"
    return textTable(head, rightAligned: Set(1...max(1, ceilings.count)), rows) + [
      note,
      "caches: L1 \(caches.level1 >> 10) kB, L2 \(caches.level2 >> 10) kB, "
        + "L3 \(caches.level3 >> 20) MB",
    ]
  }

  /// The model name of the processor.
  private static let machine: String = {
    let text = System.text(of: "/proc/cpuinfo", limit: 4096) ?? ""
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("model name") }),
      let colon = line.firstIndex(of: ":")
    else { return "unknown processor" }
    return String(line[line.index(after: colon)...].drop { $0 == " " })
  }()

  // MARK: JSON

  var json: JSON {
    [
      "version": .string(
        "\(ARCUATE_VERSION_MAJOR).\(ARCUATE_VERSION_MINOR).\(ARCUATE_VERSION_PATCH)"),
      "machine": .string(BenchReport.machine),
      "instructions": .string(Instructions.current.rawValue), "threads": .number(threads),
      "seed": .number(seed),
      "caches": [
        "l1_bytes": .number(caches.level1), "l2_bytes": .number(caches.level2),
        "l3_bytes": .number(caches.level3),
      ],
      "sgemm_library": productLibrary.map { .string($0) } ?? .null,
      "ceilings": .array(ceilings.map(\.json)),
      "cases": .array(
        found.map { one in
          guard case .object(var members) = one.json else { return .null }
          if let floor = floor(one) {
            members["floor"] = [
              "seconds": .number(floor.seconds), "reading_s": .number(floor.reading_s),
              "adding_s": .number(floor.adding_s), "level": .string(floor.level.rawValue),
              "bound": .string(floor.bound), "distance": .number(one.median / floor.seconds),
            ]
          }
          return .object(members)
        }),
    ]
  }
}

extension Ceilings {
  fileprivate var json: JSON {
    [
      "threads": .number(threads), "random_rows_bytes_per_s": .number(rows),
      "read_bytes_per_s": .object(
        Dictionary(uniqueKeysWithValues: read.map { ($0.key.rawValue, .number($0.value)) })),
      "multiply_add_flops": .number(multiplyAdd),
      "sgemm": .array(
        products.map {
          ["shape": .string("\($0.rows)x2048x2048"), "flops": .number($0.flops)]
        }),
    ]
  }
}

extension BenchMeasurement {
  fileprivate var columns: [String] {
    [
      benchCase.workloadName, benchCase.element.word, "\(benchCase.steps)", "\(benchCase.batch)",
    ]
  }

  fileprivate var json: JSON {
    func whole(_ value: Int?) -> JSON { value.map { .number($0) } ?? .null }
    return [
      "name": .string(benchCase.name), "workload": .string(benchCase.workloadName),
      "weights": .string(benchCase.element.word), "steps": .number(benchCase.steps),
      "batch": .number(benchCase.batch), "threads": .number(benchCase.threads),
      "numerics": .string(benchCase.numerics.rawValue),
      "median_s": .number(median), "rounds_s": .array(rounds.map { .number($0) }),
      "open_s": .number(open_s), "compile_s": .number(compile_s), "first_s": .number(first_s),
      "spikes": .number(spikes), "macs": .number(macs), "acs": .number(acs),
      "dense_operations": .number(denseOperations), "neuron_updates": .number(neuronUpdates),
      "rates": .object(Dictionary(uniqueKeysWithValues: rates.map { ($0.node, .number($0.rate)) })),
      "kernels": .array(kernels.map { .string($0) }),
      "parameter_bytes": .number(parameterBytes), "session_bytes": .number(sessionBytes),
      "peak_bytes": whole(peakBytes), "base_bytes": whole(baseBytes),
      "touched_bytes": .number(work.touchedBytes), "network_bytes": .number(work.networkBytes),
      "accuracy": accuracy.map { .number($0) } ?? .null,
      "argmax_agreement": agreement.map { .number($0) } ?? .null,
    ]
  }
}

/// Milliseconds with three significant digits.
private func milliseconds(_ seconds: Double) -> String {
  let value = seconds * 1000
  return fixed(value, value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : value >= 0.1 ? 3 : 4)
}

private func megabytes(_ bytes: Int) -> String { fixed(Double(bytes) / 1e6, 1) }
