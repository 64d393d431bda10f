"""Keeps the catalogues of translations: finds sentences, merges them, compiles."""
