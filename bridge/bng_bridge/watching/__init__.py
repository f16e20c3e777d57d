"""What looks at the running bridge from beside: conditions that last, a full disk, a clock that somebody set."""
