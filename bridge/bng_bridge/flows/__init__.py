"""Runs flow files: which flow an event takes, what the operations of flows read, what their writes are at the targets.

What happens when stands in the files (packaging/flows, docs/flows.md); what a file may say in bng_bridge.flow_files.
"""
