"""From classes to a differential count."""
