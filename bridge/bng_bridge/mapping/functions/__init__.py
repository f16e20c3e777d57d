"""The functions of mapping files: pure, bounded in what they make, and without any way to the outside.

Null in, null out, unless a function says otherwise. A wrong kind of value is a Fault.
"""
