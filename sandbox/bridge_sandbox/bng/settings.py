"""What one sandbox BNG is started with."""

from dataclasses import dataclass
from pathlib import Path

from bridge_sandbox.bng.profile import OWN


@dataclass(frozen=True)
class Settings:
    """`profile` is a shipped one's name or a file.

    `rate` is requests a second for all clients together, None for no limit.
    """

    state: Path
    host: str = "127.0.0.1"
    port: int = 0
    admin_port: int = 0
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"
    api_key: str = "sandbox-key"
    token_life_s: int = 3600
    rate: float | None = None
    profile: str = OWN
    webhook_url: str | None = None
    webhook_secret: str | None = None
