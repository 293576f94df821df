import ArcuateConsole
import ArgumentParser

/// A subcommand that has another name since 0.2.0; hidden from the help.
protocol RenamedCommand: ParsableCommand {
  static var oldName: String { get }
  static var newName: String { get }
}

extension RenamedCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(commandName: oldName, shouldDisplay: false)
  }

  func run() throws {
    note("error: `arcuate \(Self.oldName)` is now `\(Self.newName)`")
    throw ExitCode.validationFailure
  }
}

struct RenamedSpike: RenamedCommand {
  static let (oldName, newName) = ("spike", "arcuate convert")
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct RenamedLearn: RenamedCommand {
  static let (oldName, newName) = ("learn", "arcuate adapt")
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct RenamedBench: RenamedCommand {
  static let (oldName, newName) = ("bench", "arcuate-bench")
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}
