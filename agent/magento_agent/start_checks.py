"""What must hold before the agent says it is ready: database, shop and broker let it in.

After a good start their losses are waited out; a wrong password at the start is a mistake that somebody has to see.
"""

from bridge_common.errors import AccessDenied, ConfigError, RejectedByTarget, TargetUnavailable
from bridge_common.mqtt import PublishRefused, connect
from magento_agent.heartbeat import publish_status
from magento_agent.parts import Parts


async def check(parts: Parts) -> None:
    """Raises ConfigError, AccessDenied or TargetUnavailable: one sentence with its remedy."""
    parts.database_id = await parts.outbox.check()
    await _check_shop(parts)
    await _check_broker(parts)


async def _check_shop(parts: Parts) -> None:
    try:
        await parts.rest.read("/V1/store/storeConfigs")
    except RejectedByTarget as error:
        if error.status >= 500:
            # Not a mistake of ours, and a service that ends with one is not started again.
            raise TargetUnavailable(error.message) from error
        base_url = parts.config.magento.base_url
        raise ConfigError(
            f"{base_url} does not answer as a Magento shop: {error.message}.",
            hint="Check [magento] base_url and store_code.",
        ) from error


async def _check_broker(parts: Parts) -> None:
    """Logs in, and says offline, which is still true: proof that the ACL lets this user speak for this site."""
    site = parts.config.agent.site
    async with connect(parts.broker) as connection:
        try:
            await publish_status(connection, site, "offline")
        except PublishRefused as error:
            raise AccessDenied(
                f"The broker does not let user {parts.broker.username!r} speak for site {site!r}: {error.message}.",
                hint="The broker's user name must be the site's name ([broker] username, [agent] site), and its ACL "
                "must have: pattern write bng-bridge/v1/%u/up/#",
            ) from error
