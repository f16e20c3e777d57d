"""Flow files: what happens for an event, step by step, as YAML that an integrator edits. No client and no store here."""
