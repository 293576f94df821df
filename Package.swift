// swift-tools-version: 6.2
import PackageDescription

// Each room has a README of its own.
let notes = ["README.md"]

// At plain x86-64 a SIMD multiply-add becomes a library call per lane, so the
// package is built for AVX2 + FMA; the library checks the processor when it is first used.
#if arch(x86_64)
  let machine: [SwiftSetting] = [.unsafeFlags(["-Xcc", "-march=x86-64-v3"])]
  let cMachine: [CSetting] = [.unsafeFlags(["-march=x86-64-v3"])]
  // The same files once more, by links, for processors that have AVX-512.
  let wide: [Target] = [
    .target(
      name: "ArcuateMicrokernelsAVX512", dependencies: ["CShims", "ArcuateKernelTypes"],
      exclude: notes,
      swiftSettings: [
        .define("ARCUATE_WIDE"), .unsafeFlags(["-Xcc", "-march=x86-64-v4"]),
        // Unoptimised code would define functions of the standard library, of which the linker
        // keeps one for all: Tests/variants.sh.
        .unsafeFlags(["-O"], .when(configuration: .debug)),
      ])
  ]
#else
  let machine: [SwiftSetting] = []
  let cMachine: [CSetting] = []
  let wide: [Target] = []
#endif

// Dynamic checks of exclusive access cost the runtime's hot loops several percent; debug builds,
// which run the tests, keep them.
let hot: [SwiftSetting] =
  machine + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

// Named one by one wherever the umbrella is used: a release build takes code across modules, and
// what is only reached through the umbrella would not be built again when it changes.
let rooms: [Target.Dependency] = [
  "ArcuateCore", "ArcuateModel", "ArcuateKernels", "ArcuateFormats", "ArcuateRuntime",
  "ArcuateQuantization", "ArcuateConversion", "ArcuateTraining",
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
    .systemLibrary(name: "CZlib", path: "Sources/CZlib"),
    .systemLibrary(name: "CArcuate", path: "Sources/CArcuate"),
    .target(name: "CShims", exclude: notes, cSettings: cMachine),
    .target(
      name: "ArcuateCore", dependencies: ["CShims"], exclude: notes, swiftSettings: machine),
    .target(
      name: "ArcuateKernelTypes", exclude: notes, swiftSettings: machine),
    .target(
      name: "ArcuateMicrokernels", dependencies: ["CShims", "ArcuateKernelTypes"],
      exclude: notes, swiftSettings: machine),
    .target(
      name: "ArcuateKernels",
      dependencies: ["ArcuateCore", "ArcuateKernelTypes", "ArcuateMicrokernels"]
        + wide.map { .byName(name: $0.name) },
      exclude: notes, swiftSettings: machine),
    .target(
      name: "ArcuateModel", dependencies: ["ArcuateCore"], exclude: notes + ["Plasticity/README.md"],
      swiftSettings: machine),
    .target(
      name: "ArcuateFormats", dependencies: ["ArcuateCore", "ArcuateModel", "CZlib"],
      exclude: notes + ["Safetensors/README.md", "Layers/README.md"],
      swiftSettings: machine),
    .target(
      name: "ArcuateRuntime", dependencies: ["ArcuateModel", "ArcuateKernels", "CShims"],
      exclude: notes, swiftSettings: hot),
    .target(
      name: "ArcuateData", dependencies: ["ArcuateCore", "ArcuateModel", "ArcuateFormats"],
      exclude: notes, swiftSettings: machine),
    .target(
      name: "ArcuateQuantization", dependencies: ["ArcuateRuntime", "ArcuateModel"],
      exclude: notes, swiftSettings: machine),
    .target(
      name: "ArcuateConversion",
      dependencies: ["ArcuateRuntime", "ArcuateModel", "ArcuateKernels"], exclude: notes,
      swiftSettings: hot),
    .target(
      name: "ArcuateTraining",
      dependencies: [
        "ArcuateConversion", "ArcuateRuntime", "ArcuateModel", "ArcuateKernels", "ArcuateFormats",
      ], exclude: notes, swiftSettings: hot),
    .target(
      name: "Arcuate",
      dependencies: rooms, exclude: notes, swiftSettings: machine),
    .target(
      name: "ArcuateC", dependencies: rooms + ["Arcuate", "CArcuate"], exclude: notes,
      swiftSettings: machine,
      linkerSettings: [
        .unsafeFlags(
          [
            "-static-stdlib", "-Xlinker", "--version-script=cmake/arcuate.map", "-Xlinker",
            "-soname=libarcuate.so.0",
          ], .when(platforms: [.linux]))
      ]),
    .target(
      name: "ArcuateConsole", dependencies: rooms + ["Arcuate", argumentParser], exclude: notes,
      swiftSettings: machine),
    .executableTarget(
      name: "ArcuateCommand",
      dependencies: rooms + ["Arcuate", "ArcuateConsole", "ArcuateData", "CArcuate", argumentParser],
      exclude: notes, swiftSettings: machine),
    .executableTarget(
      name: "ArcuateBench",
      dependencies: rooms + ["Arcuate", "ArcuateConsole", "ArcuateData", "CArcuate", argumentParser],
      exclude: notes, swiftSettings: machine),
    .testTarget(name: "ArcuateCoreTests", dependencies: ["ArcuateCore"], swiftSettings: machine),
    .testTarget(name: "ArcuateModelTests", dependencies: rooms, swiftSettings: machine),
    .testTarget(
      name: "ArcuateKernelsTests", dependencies: ["ArcuateKernels"], swiftSettings: machine),
    .testTarget(
      name: "ArcuateFormatsTests", dependencies: ["ArcuateFormats", "ArcuateData", "ArcuateTestSupport"],
      swiftSettings: machine),
    .testTarget(
      name: "ArcuateDataTests", dependencies: ["ArcuateFormats", "ArcuateData", "ArcuateTestSupport"],
      swiftSettings: machine),
    .testTarget(
      name: "ArcuateQuantizationTests", dependencies: rooms + ["Arcuate", "ArcuateTestSupport"],
      swiftSettings: machine),
    .testTarget(
      name: "ArcuateConversionTests", dependencies: rooms + ["Arcuate", "ArcuateTestSupport"],
      swiftSettings: machine),
    .testTarget(
      name: "ArcuateTrainingTests", dependencies: rooms + ["Arcuate", "ArcuateTestSupport"],
      swiftSettings: machine),
    .testTarget(
      name: "ArcuateBenchTests", dependencies: rooms + ["Arcuate", "ArcuateBench"],
      swiftSettings: machine),
    .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
    .target(
      name: "ArcuateTestSupport", dependencies: rooms + ["Arcuate"], path: "Tests/ArcuateTestSupport",
      swiftSettings: machine),
    .testTarget(
      name: "ArcuateRuntimeTests",
      dependencies: rooms + ["Arcuate", "ArcuateData", "ArcuateTestSupport", "AllocationCounter"],
      swiftSettings: machine),
  ] + wide
)

// `Tests/fuzz/run.sh` builds this with libFuzzer, which brings the main function.
if Context.environment["ARCUATE_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "fuzz", dependencies: rooms + ["Arcuate", "ArcuateC", "ArcuateData", "CArcuate"],
      path: "Tests/fuzz/targets",
      swiftSettings: machine + [.unsafeFlags(["-parse-as-library"])]))
}
