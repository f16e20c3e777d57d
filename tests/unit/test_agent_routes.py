"""The gateway's list of allowed calls."""

import pytest

from magento_agent.config import DEFAULT_ROUTES
from magento_agent.routes import Routes

ROUTES = Routes(DEFAULT_ROUTES)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/V1/orders"),
        ("GET", "/V1/orders/7"),
        ("GET", "/V1/products/LAMP%2FDESK%201"),
        ("GET", "/V1/products/NUT%2BM4"),
        ("GET", "/V1/products/100%25"),
        ("GET", "/V1/products/a..b"),
        ("POST", "/V1/order/7/ship"),
        ("PUT", "/V1/customers/3"),
    ],
)
def test_calls_on_the_list_pass(method: str, path: str) -> None:
    assert ROUTES.allows(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/V1/orders/7"),
        ("GET", "/V1/orders/7/"),
        ("GET", "/V1/orders//comments"),
        ("GET", "/V1/orders/7/statuses"),
        ("GET", "/V1/products/.."),
        ("GET", "/V1/products/%2e%2e"),
        ("GET", "/V1/products/%252e%252e%252forders"),
        ("GET", "/V1/products/x%2F..%2Forders"),
        ("GET", "/V1/products/x%5C..%5Corders"),
        ("GET", "/V1/products/x?fields=y"),
        ("GET", "/V1/products/x#y"),
        ("GET", "/V1/products/x%0d%0aHost: y"),
        ("GET", "/V1/products/x%00"),
        ("GET", "/V1/products/%zz"),
        ("GET", "/V1/products/ä"),
        ("GET", "https://elsewhere.example.com/V1/orders"),
        ("GET", ""),
        ("get", "/V1/orders"),
    ],
)
def test_everything_else_is_refused(method: str, path: str) -> None:
    assert not ROUTES.allows(method, path)
