"""Where a shop's REST API is and how to log in: the agent's `[magento]`, the bridge's `[sites.NAME.rest]`."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from bridge_common.config import Section


def _base_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must begin with https:// or http://")
    if url.rstrip("/").endswith("/rest"):
        raise ValueError("must not contain /rest, which is added to it")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]


class MagentoSection(Section):
    """One login: `token_file` (an integration's access token as Bearer), the four of OAuth 1.0a, or an admin user."""

    base_url: BaseUrl
    token_file: Path | None = None
    consumer_key: str | None = None
    consumer_secret_file: Path | None = None
    access_token: str | None = None
    access_token_secret_file: Path | None = None
    admin_user: str | None = None
    admin_password_file: Path | None = None
    store_code: Annotated[str, Field(pattern=r"^[a-z0-9_]*$")] = "all"
    timeout_s: Annotated[float, Field(gt=0)] = 30
    verify_tls: bool = True

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        oauth = (self.consumer_key, self.consumer_secret_file, self.access_token, self.access_token_secret_file)
        admin = (self.admin_user, self.admin_password_file)
        if any(oauth) and not all(oauth):
            raise ValueError(
                "OAuth 1.0a needs consumer_key, consumer_secret_file, access_token and access_token_secret_file"
            )
        if any(admin) and not all(admin):
            raise ValueError("an admin login needs admin_user and admin_password_file")
        if sum((self.token_file is not None, any(oauth), any(admin))) != 1:
            raise ValueError("set exactly one login: token_file, the four OAuth 1.0a keys, or admin_user")
        return self

    def secret_files(self) -> dict[str, Path]:
        """The files named, by key."""
        keys = ("token_file", "consumer_secret_file", "access_token_secret_file", "admin_password_file")
        return {key: file for key in keys if (file := getattr(self, key)) is not None}
