"""Better models from corrections: a refitted classifier head, and fine-tuned networks."""
