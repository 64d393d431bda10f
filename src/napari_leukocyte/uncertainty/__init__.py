"""How sure a classifier is: sets of classes that hold the true one at a level the user sets."""
