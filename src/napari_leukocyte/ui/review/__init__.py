"""The gallery in which cells are looked at one by one."""
