"""The shop's one store and its settings, as far as an integration asks for them."""

from bridge_sandbox.shop.documents import Document
from bridge_sandbox.shop.session import Session

TIME_ZONE = "Europe/Berlin"


def store_configs(session: Session, base_url: str) -> list[Document]:
    """GET /V1/store/storeConfigs: all stores but the admin's."""
    urls = {
        f"{prefix}base_{kind}url": f"{base_url}/{path}"
        for prefix in ("", "secure_")
        for kind, path in (("", ""), ("link_", ""), ("static_", "static/"), ("media_", "media/"))
    }
    return [
        {
            "id": row["store_id"],
            "code": row["code"],
            "website_id": row["website_id"],
            "locale": "de_DE",
            "base_currency_code": "EUR",
            "default_display_currency_code": "EUR",
            "timezone": TIME_ZONE,
            "weight_unit": "kgs",
            **urls,
        }
        for row in session.rows("stores")
    ]
