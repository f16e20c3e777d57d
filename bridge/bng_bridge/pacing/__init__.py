"""How fast, and whether, a target is called: its throttle, what narrows it, and its breaker."""
