"""Two-way records: what both sides changed since they were last alike, who wins, and what is kept of it."""
