"""The *Smear* widget: a folder of fields, from the first to the signed-off report."""
