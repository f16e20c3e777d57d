"""The `[broker]` table, the same in agent and bridge."""

import ssl
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bridge_common.config import Section, read_secret
from bridge_common.errors import ConfigError
from bridge_common.mqtt import BrokerAddress


class BrokerSection(Section):
    """`username` defaults to the program's own: the site's name for an agent, `bridge` for the bridge."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8883
    username: str | None = None
    password_file: Path | None = None
    tls: bool = True
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def address(self, *, default_username: str) -> BrokerAddress:
        """Reads the secrets. Raises ConfigError when a named file cannot be read."""
        username = self.username or default_username
        password = read_secret(self.password_file, key="broker.password_file") if self.password_file else None
        return BrokerAddress(self.host, self.port, username, password, client_id=username, tls=self._tls())

    def _tls(self) -> ssl.SSLContext | None:
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file:
                context.load_cert_chain(self.cert_file, self.key_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"broker: the TLS files cannot be used: {error}.",
                hint="Check ca_file, cert_file and key_file: PEM, readable by the service's user.",
            ) from error
        return context
