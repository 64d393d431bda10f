"""The whole work in one dock: the steps from a photograph to a report, as tabs."""
