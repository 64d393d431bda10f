"""Keras networks: encoders, the U-Net over them, and the classifier."""
