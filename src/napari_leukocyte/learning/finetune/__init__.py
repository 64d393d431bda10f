"""Plans of fine-tunings, the process that carries them out, and what came of it; no Keras."""
