import ArcuateCore
import Testing

@testable import ArcuateModel

#if canImport(Glibc)
  import Glibc
#endif

/// The neuron programs that are part of the library, and the rules that name them.
@Suite struct ProgramLibraryTests {
  /// The folder of texts and the list of CPrograms.
  @Test func everyFileIsThere() throws {
    var folder = #filePath
    for _ in 0..<4 { folder = String(folder[..<folder.lastIndex(of: "/")!]) }
    let directory = try #require(opendir(folder + "/programs"))
    defer { closedir(directory) }
    var files: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(".txt") { files.append(String(name.dropLast(4))) }
    }
    #expect(files.sorted() == ProgramLibrary.names)
    for name in ProgramLibrary.names {
      _ = try NeuronProgram(ProgramLibrary.text(name))
    }
    #expect(throws: ArcuateError.self) { try ProgramLibrary.text("brian") }
  }

  /// Each kind of each rule, with every choice of options, has a program with these parameters.
  @Test func rulesNameProgramsAndTheirParameters() throws {
    for library in LibraryRule.Library.allCases {
      var rules = [LibraryRule(library)]
      for option in library.options {
        let before = rules
        rules = []
        for var rule in before {
          for value in option.values {
            let isOption = try rule.set(option.name, to: value)
            #expect(isOption)
            rules.append(rule)
          }
        }
      }
      for rule in rules {
        var semantics = NeuronSemantics()
        try semantics.set("rule", to: rule.text)
        #expect(semantics.rule == rule && semantics.value(of: "rule") == rule.text)
        for kind in Neuron.Kind.allCases {
          for binding in rule.bindings(kind) {
            let program = binding.neuronProgram
            for name in binding.parameters.keys {
              #expect(program.parameterNames.contains(name), "\(binding.program) \(name)")
            }
            for parameter in program.parameters where binding.parameters[parameter.name] == nil {
              #expect(
                ["bias", "max_spikes_per_dt"].contains(parameter.name),
                "\(binding.program) leaves \(parameter.name) to its default")
            }
          }
        }
      }
    }
  }

  @Test(arguments: [
    "spyx:", "spyx:a=1", "snntorch:reset", "snntorch:reset=half", "snntorch:reset=zero,", "nir:a=1",
    "lava:", "Spyx", "", ":", "snntorch:import,delay=1",
  ])
  func wrongPresets(_ text: String) {
    #expect(throws: ArcuateError.self) { try NeuronSemantics(preset: text) }
  }

  @Test func importsAreFields() throws {
    for preset in NeuronSemantics.Preset.allCases {
      #expect(try NeuronSemantics(preset: preset.rawValue + ":import") == NeuronSemantics(preset))
    }
  }
}
