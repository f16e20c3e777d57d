"""What the promises cost: the product beside the bare minimum, on the same load. `./run bench --help`."""
