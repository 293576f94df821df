// swift-tools-version: 6.2
import PackageDescription

// SwiftPM refuses build flags like -march in a package that another one names by version, so a
// checkout of such a package is built without them: portable and several times slower. There,
// `swift build -Xcc -march=x86-64-v3` gives AVX2. ARCUATE_UNSAFE_FLAGS=0 or 1 decides otherwise.
let isTuned =
  Context.environment["ARCUATE_UNSAFE_FLAGS"].map { $0 != "0" }
  ?? !Context.packageDirectory.contains("/checkouts/")

#if arch(x86_64)
  let hasVariants = isTuned
#else
  let hasVariants = false
#endif

// All but the microkernels runs on any x86-64 processor.
let machine: [SwiftSetting] = hasVariants ? [.define("ARCUATE_AVX")] : []

// The microkernels for AVX2 and FMA: at plain x86-64 a SIMD multiply-add is a library call per lane.
let narrow: [SwiftSetting] = hasVariants ? [.unsafeFlags(["-Xcc", "-march=x86-64-v3"])] : []

// Dynamic checks of exclusive access cost hot loops several percent; debug builds, which run the
// tests, keep them.
let hot: [SwiftSetting] =
  machine
  + (isTuned
    ? [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))] : [])

// Modules that run once for a model, not once for a step, are optimized for size.
let cold: [SwiftSetting] =
  machine + (isTuned ? [.unsafeFlags(["-Osize"], .when(configuration: .release))] : [])

// Tests spend most of their time in these modules: debug builds optimize them, with the checks of
// debug builds.
let checked: [SwiftSetting] =
  isTuned
  ? [.unsafeFlags(["-O", "-assert-config", "Debug"], .when(configuration: .debug))] : []

// The microkernels compiled again, from links to their folder, for processors with AVX-512 and for any.
// Unoptimized code would define functions of the standard library, of which the linker keeps one
// for all (Tests/variants.sh), so that debug builds optimize them, too.
let wide: [SwiftSetting] = [
  .define("ARCUATE_WIDE"), .unsafeFlags(["-Xcc", "-march=x86-64-v4"]),
  .unsafeFlags(["-O"], .when(configuration: .debug)),
]
let plain: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

// The library of C holds Swift's standard library and exports the functions of the header alone.
let selfContained: [LinkerSetting] =
  isTuned
  ? [
    .unsafeFlags(
      [
        "-static-stdlib", "-Xlinker", "--version-script=cmake/arcuate.map", "-Xlinker",
        "-soname=libarcuate.so.0.2", "-Xlinker", "--icf=safe",
      ], .when(platforms: [.linux]))
  ] : []

/// A folder of Sources; each has a README, and so have some of the folders inside.
func room(
  _ name: String, _ dependencies: [Target.Dependency] = [], readmes: [String] = [],
  settings: [SwiftSetting] = machine, linker: [LinkerSetting] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, exclude: ["README.md"] + readmes,
    swiftSettings: settings, linkerSettings: linker)
}

func command(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, exclude: ["README.md"], swiftSettings: machine)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: machine)
}

// Named one by one wherever the umbrella is used: a release build takes code across modules, and
// what is only reached through the umbrella would not be built again when it changes.
let rooms: [Target.Dependency] = [
  "ArcuateCore", "ArcuateModel", "ArcuateKernels", "ArcuateFormats", "ArcuateRuntime",
  "ArcuateQuantization", "ArcuateConversion", "ArcuateTraining", "Arcuate",
]
let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "arcuate",
  products: [
    .library(name: "Arcuate", targets: ["Arcuate"]),
    .library(name: "arcuate-c", type: .dynamic, targets: ["ArcuateC"]),
    .executable(name: "arcuate", targets: ["ArcuateCommand"]),
    .executable(name: "arcuate-bench", targets: ["ArcuateBench"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // From the bottom up; Tests/house/tables.py says what a room may import.
    .systemLibrary(name: "CZlib", path: "Sources/CZlib"),
    .systemLibrary(name: "CArcuate", path: "Sources/CArcuate"),
    .target(name: "CShims", exclude: ["README.md"]),
    .target(
      name: "CPrograms", exclude: ["README.md"],
      cSettings: [.unsafeFlags(["-Wno-c23-extensions"])]),
    room("ArcuateCore", ["CShims"], settings: machine + checked),
    room("ArcuateKernelTypes"),
    room("ArcuateMicrokernels", ["CShims", "ArcuateKernelTypes"], settings: narrow + checked),
    room(
      "ArcuateKernels",
      ["ArcuateCore", "ArcuateKernelTypes", "ArcuateMicrokernels", "CShims"]
        + (hasVariants ? ["ArcuateMicrokernelsAVX512", "ArcuateMicrokernelsBaseline"] : []),
      settings: machine + checked),
    room("ArcuateModel", ["ArcuateCore", "CPrograms"], settings: cold),
    room("ArcuateFormats", ["ArcuateCore", "ArcuateModel", "CZlib"], settings: cold),
    room(
      "ArcuateRuntime", ["ArcuateCore", "ArcuateModel", "ArcuateKernels", "CShims"], settings: hot),
    room(
      "ArcuateQuantization", ["ArcuateCore", "ArcuateModel", "ArcuateRuntime"], settings: cold),
    room("ArcuateConversion", ["ArcuateCore", "ArcuateModel", "ArcuateRuntime"], settings: cold),
    room(
      "ArcuateTraining",
      [
        "ArcuateCore", "ArcuateModel", "ArcuateKernels", "ArcuateFormats", "ArcuateRuntime",
        "ArcuateConversion",
      ], settings: hot),
    room("Arcuate", rooms.dropLast()),
    room(
      "ArcuateData", ["ArcuateCore", "ArcuateModel", "ArcuateFormats"], settings: hot + checked),
    room(
      "ArcuateC", rooms + ["ArcuateData", "CArcuate"], settings: cold, linker: selfContained),
    room("ArcuateConsole", rooms + [argumentParser]),
    command(
      "ArcuateCommand", rooms + ["ArcuateConsole", "ArcuateData", "CArcuate", argumentParser]),
    command("ArcuateBench", rooms + ["ArcuateConsole", "ArcuateData", "CArcuate", argumentParser]),

    tests("ArcuateCoreTests", ["ArcuateCore"]),
    tests("ArcuateKernelsTests", ["ArcuateKernels", "ArcuateTestSupport"]),
    tests("ArcuateModelTests", rooms),
    tests("ArcuateFormatsTests", rooms + ["ArcuateData", "ArcuateTestSupport"]),
    tests("ArcuateDataTests", ["ArcuateFormats", "ArcuateData", "ArcuateTestSupport"]),
    tests(
      "ArcuateRuntimeTests", rooms + ["ArcuateData", "ArcuateTestSupport", "AllocationCounter"]),
    tests("ArcuateQuantizationTests", rooms + ["ArcuateTestSupport"]),
    tests("ArcuateConversionTests", rooms + ["ArcuateTestSupport"]),
    tests("ArcuateTrainingTests", rooms + ["ArcuateTestSupport"]),
    tests("ArcuateBenchTests", rooms + ["ArcuateBench"]),
    .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
    .target(
      name: "ArcuateTestSupport", dependencies: rooms, path: "Tests/ArcuateTestSupport",
      swiftSettings: machine + checked),
  ]
)

if hasVariants {
  package.targets += [
    room("ArcuateMicrokernelsAVX512", ["CShims", "ArcuateKernelTypes"], settings: wide),
    room("ArcuateMicrokernelsBaseline", ["CShims", "ArcuateKernelTypes"], settings: plain),
  ]
}

// `Tests/fuzz/run.sh` builds this with libFuzzer, which brings the main function.
if Context.environment["ARCUATE_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "fuzz", dependencies: rooms + ["ArcuateC", "ArcuateData", "CArcuate"],
      path: "Tests/fuzz/targets",
      swiftSettings: machine + [.unsafeFlags(["-parse-as-library"])]))
}

// `Tests/sanitize.sh` builds the library of C and the tests that it names, of the room of the runtime.
if Context.environment["ARCUATE_SANITIZE"] != nil {
  package.products.removeAll { $0.name != "Arcuate" && $0.name != "arcuate-c" }
  package.dependencies = []
  package.targets.removeAll { target in
    switch target.type {
    case .test: target.name != "ArcuateRuntimeTests"
    default: ["ArcuateConsole", "ArcuateCommand", "ArcuateBench"].contains(target.name)
    }
  }
}
