"""The rules of the house as data: what each room may import, how its folders are ordered, and which
files are exceptions, each with its reason. The other scripts of this folder read these tables."""

# What a room may import, apart from the system's own modules. Package.swift must agree.
ROOMS = {
    "CShims": [],
    "CPrograms": [],
    "CZlib": [],
    "CArcuate": [],
    "ArcuateCore": ["CShims"],
    "ArcuateKernelTypes": [],
    "ArcuateMicrokernels": ["ArcuateKernelTypes", "CShims"],
    "ArcuateMicrokernelsAVX512": ["ArcuateKernelTypes", "CShims"],
    "ArcuateMicrokernelsBaseline": ["ArcuateKernelTypes", "CShims"],
    "ArcuateKernels": [
        "ArcuateCore",
        "ArcuateKernelTypes",
        "ArcuateMicrokernels",
        "ArcuateMicrokernelsAVX512",
        "ArcuateMicrokernelsBaseline",
        "CShims",
    ],
    "ArcuateModel": ["ArcuateCore", "CPrograms"],
    "ArcuateFormats": ["ArcuateCore", "ArcuateModel", "CZlib"],
    "ArcuateRuntime": ["ArcuateCore", "ArcuateModel", "ArcuateKernels", "CShims"],
    "ArcuateData": ["ArcuateCore", "ArcuateModel", "ArcuateFormats"],
    "ArcuateQuantization": ["ArcuateCore", "ArcuateModel", "ArcuateRuntime"],
    "ArcuateConversion": ["ArcuateCore", "ArcuateModel", "ArcuateRuntime"],
    "ArcuateTraining": [
        "ArcuateCore",
        "ArcuateModel",
        "ArcuateKernels",
        "ArcuateFormats",
        "ArcuateRuntime",
        "ArcuateConversion",
    ],
    "Arcuate": [
        "ArcuateCore",
        "ArcuateModel",
        "ArcuateFormats",
        "ArcuateRuntime",
        "ArcuateQuantization",
        "ArcuateConversion",
        "ArcuateTraining",
    ],
    "ArcuateC": ["Arcuate", "ArcuateData", "CArcuate"],
    "ArcuateConsole": ["Arcuate", "ArgumentParser"],
    "ArcuateCommand": ["Arcuate", "ArcuateConsole", "ArcuateData", "ArgumentParser", "CArcuate"],
    "ArcuateBench": [
        "Arcuate",
        "ArcuateConsole",
        "ArcuateCore",
        "ArcuateData",
        "ArcuateKernels",
        "ArgumentParser",
        "CArcuate",
    ],
}
SYSTEM = {"Glibc", "Musl", "Darwin", "Synchronization"}

# Folders of a room from the top down; folders of one level may use each other in one direction.
# "." is the room itself. An arrow from a lower level to a higher one fails, as does a circle.
FOLDERS = {
    "ArcuateRuntime": [
        ["Session"],
        ["Plan"],
        ["Plasticity"],
        ["Nodes"],
        ["Memory", "Threads", "."],
    ],
    "ArcuateFormats": [
        ["."],
        ["NIR", "Safetensors", "Kaldi", "Layers"],
        ["HDF5", "JSON"],
        ["Files"],
    ],
    "ArcuateModel": [["Graph"], ["Nodes"], ["Plasticity", "Programs"]],
    "ArcuateKernels": [
        ["."],
        [
            "Linear",
            "Convolution",
            "Neurons",
            "Programs",
            "Sparse",
            "Plasticity",
            "Gradient",
            "Elementwise",
        ],
        ["Dispatch", "Reference"],
    ],
}

# Arrows that run up and stay, "file -> file" below Sources, each with its reason.
ARROWS = {
    "ArcuateModel/Nodes/Field.swift -> ArcuateModel/Graph/Model.swift": "a graph nests a model",
    "ArcuateModel/Nodes/NestedGraph.swift -> ArcuateModel/Graph/Model.swift": "a graph nests a model",
    "ArcuateModel/Nodes/Operator.swift -> ArcuateModel/Graph/Model.swift": "a graph nests a model",
}

# Files outside these may not name a pointer. In the first two rooms functions say in their
# comments what they need of pointers; everywhere else each use has a line "// SAFETY:".
POINTER_ROOMS = ["ArcuateMicrokernels/", "ArcuateKernelTypes/"]
POINTERS = {
    "ArcuateCore/": "memory behind views whose accesses are checked",
    "ArcuateKernels/": "sizes are checked, then kernels get the pointers",
    "ArcuateC/": "arguments of the C interface",
    "ArcuateFormats/Files/": "files are mapped, inflated and written",
    "ArcuateFormats/HDF5/HDF5Chunks.swift": "chunks are copied into their block",
    "ArcuateFormats/HDF5/HDF5Writer.swift": "numbers as bytes",
    "ArcuateFormats/Safetensors/SafetensorsContainer.swift": "numbers as bytes",
    "ArcuateData/Events/": "records are decoded straight into columns",
    "ArcuateRuntime/Session/": "inputs and outputs are the caller's memory",
    "ArcuateRuntime/Threads/": "threads of the system take a pointer",
    "ArcuateRuntime/Nodes/Sparse": "index arrays of mapped files",
    "ArcuateQuantization/ChannelScales.swift": "numbers as bytes",
    "ArcuateTraining/Gradient/Network.swift": "inputs and outputs are the caller's memory",
    "ArcuateTraining/Nodes/NeuronNode.swift": "rows are handed to kernels",
    "ArcuateTraining/Training/": "inputs and outputs are the caller's memory",
    "ArcuateConsole/": "signal handlers and what they read",
    "ArcuateBench/RandomSource.swift": "vectors retyped",
    "ArcuateBench/SystemBLAS.swift": "functions of a library opened while running",
}

# Longer than 400 lines, and why; nothing is longer than 600.
LONG_FILES = {
    "Sources/ArcuateModel/Programs/ProgramBuilder.swift": "a method for each form of the language",
    "Sources/CShims/include/cshims.h": "each function is a few lines, read from top to bottom",
    "Tests/ArcuateRuntimeTests/Plasticity/PlasticityTests.swift": "rules against a slow learner",
    "Tests/oracles/program_autograd.py": "an evaluation of the language of its own",
    "Tests/c/nonsense.c": "every function",
    "Tests/c/trainer.c": "a test for each option and what it refuses",
    "Tests/c/nonsense_options.c": "every field of every options struct, by list",
    "include/arcuate/training.h": "mostly comments: a field for each option",
    "bindings/python/benchmarks/learning.py": "one comparison with three frameworks",
    "bindings/python/src/arcuate/_native.py": "a prototype for each function of the header",
    "bindings/python/src/arcuate/fitting.py": "mostly docstrings",
    "bindings/python/src/arcuate/model.py": "mostly docstrings",
    "bindings/python/src/arcuate/onnx_operators.py": "a short function for each operator",
    "bindings/python/src/arcuate/session.py": "mostly docstrings",
    "bindings/python/src/arcuate/trainer.py": "mostly docstrings",
    "bindings/python/tests/test_objects.py": "a test for each property",
    "bindings/python/tests/test_plasticity.py": "a test for each rule",
    "bindings/python/tests/test_onnx.py": "a test for each operator",
    "bindings/python/tests/test_trainer.py": "a test for each option",
}

# Negations and shifts by a variable in rooms that read numbers from outside, by file and a part of
# the line, and what bounds the number.
RAW_NUMBERS = {
    ("ArcuateFormats/Files/HalfPrecision.swift", "-magnitude"): "a Float",
    ("ArcuateFormats/HDF5/HDF5Chunks.swift", "<< (8 *"): "at most 8 bytes, as checked above",
    ("ArcuateFormats/HDF5/HDF5Chunks.swift", "1 << pageBits"): "at most 32, as checked above",
    ("ArcuateFormats/HDF5/HDF5Group.swift", "flags & 3"): "two bits",
    ("ArcuateFormats/HDF5/HDF5Group.swift", "<< (8 * i)"): "at most 8 bytes",
    ("ArcuateFormats/HDF5/HDF5Object.swift", "flags & 3"): "two bits",
    ("ArcuateFormats/HDF5/HDF5Object.swift", "<< (8 * i)"): "at most 8 bytes",
    ("ArcuateFormats/Kaldi/Nnet3/Nnet3Timing.swift", "leftContext"): "within mostFrames",
    ("ArcuateFormats/Kaldi/Nnet3/Nnet3Timing.swift", "-max(0"): "within mostFrames",
    ("ArcuateData/Events/LZ4Frame.swift", "<< shift"): "at most 32",
    ("ArcuateData/Images/PNGImage.swift", "1 << depth"): "1, 2, 4 or 8, as checked above",
    ("ArcuateModel/Plasticity/Surrogate.swift", "-"): "a Float",
    ("ArcuateModel/Programs/ConstantExpression.swift", "-"): "a Double",
}

# Rooms whose functions all throw `ArcuateError` by type.
TYPED = [
    "ArcuateCore",
    "ArcuateModel",
    "ArcuateKernels",
    "ArcuateFormats",
    "ArcuateData",
    "ArcuateRuntime",
    "ArcuateQuantization",
    "ArcuateConversion",
    "ArcuateTraining",
]

# Rooms without a test target of their own, and where their tests are.
TESTED_BY = {
    "Arcuate": "re-exports; every test that runs a network",
    "ArcuateC": "Tests/c, by C and C++ compilers",
    "ArcuateCommand": "Tests/oracles/test_cli.py, as a process",
    "ArcuateConsole": "Tests/oracles/test_cli.py, as a process",
    "ArcuateKernelTypes": "ArcuateKernelsTests: the registry",
    "ArcuateMicrokernels": "ArcuateKernelsTests: the registry, with every instruction set",
    "ArcuateMicrokernelsAVX512": "ArcuateKernelsTests: the registry, with every instruction set",
    "ArcuateMicrokernelsBaseline": "ArcuateKernelsTests: the registry, with every instruction set",
    "CArcuate": "a module map",
    "CShims": "ArcuateKernelsTests: the registry",
    "CPrograms": "ArcuateModelTests: the library of programs",
    "CZlib": "a module map",
}
