"""Models: manifests, where they are found, and how ONNX Runtime runs them."""
