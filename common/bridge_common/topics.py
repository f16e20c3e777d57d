"""Every MQTT topic, in one place.

The user name at the broker is the site, so that one ACL pattern (`…/%u/up/#`, `…/%u/down/#`) fences all sites.
"""

ROOT = "bng-bridge/v1"

EVENTS = "up/events"
STATUS = "up/status"
HELLO = "up/hello"
RESPONSES = "up/responses"
WELCOME = "down/welcome"
RECEIPTS = "down/receipts"
REQUESTS = "down/requests"


def topic(site: str, channel: str) -> str:
    return f"{ROOT}/{site}/{channel}"


def split(full_topic: str) -> tuple[str, str]:
    """(site, channel). Raises ValueError on a topic that is none of ours."""
    site, _, channel = full_topic.removeprefix(f"{ROOT}/").partition("/")
    if not full_topic.startswith(f"{ROOT}/") or not site or not channel:
        raise ValueError(f"{full_topic} is not one of the bridge's topics")
    return site, channel
