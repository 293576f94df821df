/// The reference kernels: the definition of each kernel, in plain arrays, in extensions beside the kernels.
public enum Reference {}
