"""What the shops' open orders want of BNG's stock, and what covers it: on hand, on its way, or nothing."""
