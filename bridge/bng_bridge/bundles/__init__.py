"""Configuration files as one thing that is built, tested, promoted and rolled back: bundles. docs/bundles.md."""
