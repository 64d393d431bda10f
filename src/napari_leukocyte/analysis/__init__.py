"""Batch analysis: one image from photograph to differential, and a smear of many fields."""
