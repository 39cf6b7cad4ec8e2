"""Load and run compiled models; needs neither TVM's compiler nor ONNX."""
