"""Errors as Magento's REST API words them: a message with %field placeholders, and their values apart."""

import secrets
from typing import Any

Parameters = dict[str, Any] | list[Any]


class MagentoError(Exception):
    """An answer that is not 2xx; raised anywhere below a route, rendered by the server's middleware."""

    def __init__(self, status: int, message: str, parameters: Parameters | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.parameters = parameters

    def body(self) -> dict[str, Any]:
        """The JSON answer; `parameters` is absent when there are none, as in Magento."""
        if self.parameters is None:
            return {"message": self.message}
        return {"message": self.message, "parameters": self.parameters}


def no_such_entity() -> MagentoError:
    """An unknown order or shipment id."""
    return MagentoError(404, "The entity that was requested doesn't exist. Verify the entity and try again.")


def no_such_field_value(field: str, value: Any) -> MagentoError:
    """An unknown id in the wording that the customer API has."""
    return MagentoError(404, "No such entity with %fieldName = %fieldValue", {"fieldName": field, "fieldValue": value})


def required(field: str) -> MagentoError:
    """A missing top-level parameter."""
    return MagentoError(400, '"%fieldName" is required. Enter and try again.', {"fieldName": field})


def wrong_type(value: Any, expected: str) -> MagentoError:
    """A path parameter that cannot be read."""
    return MagentoError(
        400,
        f'The "{value}" value\'s type is invalid. The "{expected}" type was expected. Verify and try again.',
    )


def unauthorised(resource: str) -> MagentoError:
    """Missing, garbage, expired and insufficient tokens all look the same."""
    return MagentoError(401, "The consumer isn't authorized to access %resources.", {"resources": resource})


def no_route() -> MagentoError:
    """An unknown path, or an unknown verb on a known one."""
    return MagentoError(404, "Request does not match any route.")


def internal_error() -> MagentoError:
    """What an exception inside Magento looks like in production mode; an unknown filter field is one."""
    return MagentoError(
        500,
        f"Internal Error. Details are available in Magento log file. Report ID: webapi-{secrets.token_hex(7)[:13]}",
    )


COULD_NOT_SAVE_SOURCE_ITEM = "Could not save Source Item"
COULD_NOT_SHIP = "Could not save a shipment, see error log for details"
COULD_NOT_INVOICE = "Could not save an invoice, see error log for details"
COULD_NOT_REFUND = "Could not save a Creditmemo, see error log for details"
COULD_NOT_SAVE_TRACK = "Could not save the shipment tracking."


def deadlock(path: str) -> MagentoError:
    """SQLSTATE 1213 as the routes pass it on: those that wrap any error in their own, the others as internal."""
    for end, message in (
        ("/inventory/source-items", COULD_NOT_SAVE_SOURCE_ITEM),
        ("/ship", COULD_NOT_SHIP),
        ("/invoice", COULD_NOT_INVOICE),
        ("/refund", COULD_NOT_REFUND),
        ("/shipment/track", COULD_NOT_SAVE_TRACK),
    ):
        if path.endswith(end):
            return MagentoError(400, message)
    return internal_error()


def unavailable() -> MagentoError:
    """The database is away."""
    return MagentoError(503, "Service Temporarily Unavailable")
