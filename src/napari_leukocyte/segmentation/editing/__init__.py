"""Corrections of a label image by hand, one function for each gesture."""
