"""The *Export annotations* widget."""
