import Arcuate
import ArgumentParser

extension CompileOptions.Numerics: ExpressibleByArgument {}
