"""From objects to classes: measurements, crops and the classifier."""
