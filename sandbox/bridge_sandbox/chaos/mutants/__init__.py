"""Products that are broken on purpose, to prove that chaos would notice."""
