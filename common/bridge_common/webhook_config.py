"""Where a daemon takes signed webhooks: the agent's `[polling.webhooks]`, the bridge's `[bng.webhooks]`."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from bridge_common.config import Section


class WebhookSection(Section):
    """Port 0 is off."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    secret_file: Path | None = None

    @model_validator(mode="after")
    def _port_needs_secret(self) -> Self:
        if self.port and self.secret_file is None:
            raise ValueError("a webhook port without secret_file would accept forged events; set secret_file")
        return self
