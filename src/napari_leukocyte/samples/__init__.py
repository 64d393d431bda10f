"""Sample images: a synthetic smear with known truth, and real fields of public sets."""
