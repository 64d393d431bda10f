"""Slides of any size, in blocks: found, measured, classified and written in bounded memory."""
