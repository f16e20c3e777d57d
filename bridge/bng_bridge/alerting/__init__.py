"""What a person has to look at, and how that person is told."""
