"""How far an image and its cells are from what the models were trained on."""
