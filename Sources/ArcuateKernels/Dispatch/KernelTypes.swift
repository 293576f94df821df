import ArcuateKernelTypes

// Types of the microkernels that are part of this module's interface.
public typealias ConvolutionGeometry = ArcuateKernelTypes.ConvolutionGeometry
public typealias LaneInstruction = ArcuateKernelTypes.LaneInstruction
public typealias LaneOperand = ArcuateKernelTypes.LaneOperand
public typealias LaneOperation = ArcuateKernelTypes.LaneOperation
public typealias LaneProgram = ArcuateKernelTypes.LaneProgram
public typealias LaneRandom = ArcuateKernelTypes.LaneRandom
public typealias NeuronFlags = ArcuateKernelTypes.NeuronFlags
public typealias SparseElement = ArcuateKernelTypes.SparseElement
public typealias SurrogateShape = ArcuateKernelTypes.SurrogateShape
public typealias WeightKind = ArcuateKernelTypes.WeightKind
