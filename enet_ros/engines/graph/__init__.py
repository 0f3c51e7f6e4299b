"""The inference graph: the network rewritten for CPUs and GPUs, and written as ONNX."""
