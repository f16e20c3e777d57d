"""What happens when: one function per kind of event, each an ordered list of idempotent writes.

Conditions test the state of the snapshot, never the transition. Running a flow again is harmless. Issue by issue these
become configuration; the words stay.
"""
