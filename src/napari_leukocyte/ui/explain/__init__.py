"""The *Why this class* dock: activation map, sentences and similar cells."""
