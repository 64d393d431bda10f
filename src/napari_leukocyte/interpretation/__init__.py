"""Why a classifier gave a cell its class: maps, words, similar cells, and what would change it."""
