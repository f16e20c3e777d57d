"""The bridge daemon: durable inbox, flows, idempotent apply, in both directions between Magento sites and BNG."""

__version__ = "0.1.0"
