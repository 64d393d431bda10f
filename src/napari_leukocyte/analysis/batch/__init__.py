"""Many photographs and slides: tasks that may be lost and done again, here or on many machines."""
