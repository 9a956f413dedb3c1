"""Fitted detectors as ONNX graphs: scored without Python, torch or scikit-learn."""
