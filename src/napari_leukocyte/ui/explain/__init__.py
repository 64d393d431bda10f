"""Why a cell got its class: map, words, similar cells."""
