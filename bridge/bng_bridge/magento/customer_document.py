"""A customer of a shop as one document: what of it changes when a mapping to it gives other fields than before.

Magento writes the document whole, and `addresses` with it: those that are not named are deleted, so all that are there go
along, and an empty list is never sent. A mapping names the default addresses by their flags, never by an id.
"""

from typing import Any

Document = dict[str, Any]

ROLES = ("default_billing", "default_shipping")
NAMES = ("firstname", "lastname", "company", "telephone")
"""Of an address, whose it is: somebody else's, where it does not say what was there before."""


def changed(customer: Document, before: Document, after: Document) -> Document | None:
    """The customer with what differs between two results of a mapping; None where nothing does.

    `before` is what the mapping gives of the customer as it is now, `after` of how it ought to be. A field that both give
    alike stays as the shop has it, also where the mapping would write it otherwise.
    """
    fields = {name: value for name, value in after.items() if name != "addresses" and value != before.get(name)}
    addresses = _addresses(customer, before.get("addresses") or [], after.get("addresses") or [])
    if addresses is not None:
        fields["addresses"] = addresses
    if all(customer.get(name) == value for name, value in fields.items()):
        return None
    found = {**customer, **fields}
    if not found.get("addresses"):
        found.pop("addresses", None)
    return found


def as_saved(customer: Document) -> Document:
    """How the shop will show it: new addresses with ids, of which nothing is known but that they are others, and the default
    ones named by them."""
    addresses = [{"id": -number, **each} for number, each in enumerate(customer.get("addresses") or [], 1)]
    defaults = {role: str(each["id"]) for each in addresses for role in ROLES if each.get(role)}
    return {**customer, **defaults, "addresses": addresses}


def written_wrong(before: Document, sent: Document, after: Document) -> list[str]:
    """The fields that the shop left as they were although others were sent. One that somebody changed since is none."""
    lost = [name for name in sent if name != "addresses" and _was_left(name, before, sent, after)]
    was, now = (_by_id(each.get("addresses") or []) for each in (before, after))
    for address in sent.get("addresses") or []:
        key = address.get("id")
        if key in was and key in now:
            lost += [f"addresses.{name}" for name in address if _was_left(name, was[key], address, now[key])]
    return lost


def _was_left(name: str, before: Document, sent: Document, after: Document) -> bool:
    was = _shown(before.get(name))
    return bool(_shown(sent[name]) != was and _shown(after.get(name)) == was)


def _shown(value: Any) -> Any:
    """A text that is empty may be left out of the shop's answer."""
    return None if value == "" else value


def _by_id(addresses: list[Document]) -> dict[Any, Document]:
    return {each.get("id"): each for each in addresses}


def _addresses(customer: Document, before: list[Document], after: list[Document]) -> list[Document] | None:
    """All addresses, those of `after` that are new or different among them; None where there are none."""
    news = [each for each in after if each not in before]
    if not news:
        return None
    found = [dict(each) for each in customer.get("addresses") or []]
    taken: set[int] = set()
    # The billing address first: one that serves for both stays it, and the other becomes one of its own.
    for wanted in sorted(after, key=lambda each: not each.get("default_billing")):
        known = _known(customer, found, wanted, taken)
        if known is not None:
            taken.add(id(known))
        if wanted in news:
            _put(found, known, wanted, _before(before, wanted))
    return found


def _known(customer: Document, addresses: list[Document], wanted: Document, taken: set[int]) -> Document | None:
    """The address that has one of the wanted one's roles now."""
    for role in (each for each in ROLES if wanted.get(each)):
        for address in addresses:
            if str(address.get("id")) == str(customer.get(role)) and id(address) not in taken:
                return address
    return None


def _before(before: list[Document], wanted: Document) -> Document:
    """What the mapping said of that address."""
    return next((each for role in ROLES if wanted.get(role) for each in before if each.get(role)), {})


def _put(found: list[Document], known: Document | None, wanted: Document, before: Document) -> None:
    for role in (each for each in ROLES if wanted.get(each)):
        for address in found:
            address.pop(role, None)
    flags = {role: True for role in ROLES if wanted.get(role)}
    fields = {name: value for name, value in wanted.items() if name not in ROLES}
    if known is None:
        found.append({**fields, **flags})
        return
    own = {
        name: value
        for name, value in fields.items()
        if value != before.get(name) and (name not in NAMES or _shown(known.get(name)) == _shown(before.get(name)))
    }
    if "region" in own:
        # It stands there twice, and the older id would win.
        own["region_id"] = own["region"].get("region_id") or 0
    known.update(own | flags)
