"""Several fields of one smear: their state, their sum, their sign-off, without any window."""
