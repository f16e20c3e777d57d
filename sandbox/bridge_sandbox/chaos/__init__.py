"""Everything at once for some minutes, with faults all the time, and at the end an oracle that compares both books."""
