"""The agent beside a Magento shop: captures changes, publishes them, and runs REST calls for the bridge."""

from importlib.metadata import version

__version__ = version("magento-bng-bridge")
