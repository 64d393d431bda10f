"""Controls that both widgets are made of."""
