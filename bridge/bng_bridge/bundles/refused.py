"""Why a bundle is not taken."""

from bridge_common.errors import ConfigError


class BundleRefused(ConfigError):
    """It is damaged, was changed, is not kept here, or is none that this bridge may put in force."""


DEPLOY_AGAIN = (
    "Deploy it again, or go back: bridgectl bundle deploy FILE, bridgectl bundle rollback; "
    "while the bridge does not run: bng-bridge bundle deploy FILE, bng-bridge bundle rollback."
)
