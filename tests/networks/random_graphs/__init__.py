"""Random valid graphs of ONNX operators, held against ONNX Runtime step by step."""
