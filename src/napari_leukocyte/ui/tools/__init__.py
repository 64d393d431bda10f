"""Tools that correct masks with one gesture each."""
