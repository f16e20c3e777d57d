"""The comparison of BNG's stock with a shop's: once a day, or when an operator asks for it."""
