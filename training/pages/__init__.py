"""Pages of the documentation that are written from what was measured; prose lies in templates."""
