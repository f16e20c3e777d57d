"""Whether flows and mappings go together: a write's mapping is there, between the right documents, and has its context."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from bng_bridge.flow_files.flow_file import Flow
from bng_bridge.flow_files.flow_set import FlowSet
from bng_bridge.flow_files.uses import MappingUse
from bng_bridge.mapping.findings import Finding, did_you_mean
from bng_bridge.mapping.folders import ALL_SITES
from bng_bridge.mapping.mapping_file import Mapping
from bng_bridge.mapping.mapping_set import MappingSet
from bng_bridge.mapping.shapes import ANY, fits


def misfits(flows: FlowSet, mappings: MappingSet, sites: Collection[str]) -> Iterator[Finding]:
    """Of every site's flows and every site's mappings; one mistake may be told more than once."""
    for site in (ALL_SITES, *sorted(sites)):
        for flow in flows.of_site(site):
            yield from misfits_of(flow, mappings, site)


def misfits_of(flow: Flow, mappings: MappingSet, site: str) -> Iterator[Finding]:
    """Of one flow, with the mappings that count for a site."""
    for use in flow.uses.mappings:
        if (site, use.name) in mappings:
            yield from _between(use, mappings(site, use.name))
            yield from ungiven(mappings(site, use.name), [flow], use.name)
        else:
            known = {name for _, name, _ in mappings.files()}
            hint = did_you_mean(use.name, known) or f"There are {', '.join(sorted(known))}."
            yield Finding(use.at, use.place, f"there is no mapping {use.name}.", hint)


def ungiven(mapping: Mapping, flows: Iterable[Flow], name: str) -> Iterator[Finding]:
    """What the mapping wants beside its document, and flows that use it under this name do not give, or give otherwise."""
    file = Path(mapping.path).name
    for use in (use for flow in flows for use in flow.uses.mappings if use.name == name):
        for wanted, (shape, at) in mapping.head.context.items():
            if wanted not in use.given:
                hint = did_you_mean(wanted, use.given) or f"It gives {', '.join(use.given)}."
                yield Finding(at, f"context.{wanted}", f"the flow gives no {wanted} to {file}.", hint)
                continue
            given, given_at = use.given[wanted]
            if not fits(given, shape):
                message = f"{file} wants {shape.words} as {wanted}, this is {given.words}"
                yield Finding(given_at, use.place.replace("mapping", f"context.{wanted}"), message)


def _between(use: MappingUse, mapping: Mapping) -> Iterator[Finding]:
    head = mapping.head
    if use.source and head.source_name != use.source:
        yield Finding(use.at, use.place, f"{use.name} maps {head.source_name}, and is given {use.source}")
    if head.target_name != use.target:
        yield Finding(use.at, use.place, f"{use.name} makes {head.target_name}, and {use.target} is written")
    if head.is_partial and use.is_whole:
        hint = "Take partial: true out of the mapping, or write update."
        yield Finding(use.at, use.place, f"{use.name} is partial, and may have to make {use.target}.", hint)
    parts, at = use.given.get("parts", (ANY, use.at))
    if use.target == "magento/ship" and parts.item is not None and parts.item.name not in ("", "bng/shipment"):
        place = use.place.replace("mapping", "context.parts")
        yield Finding(at, place, f"parts are BNG's shipments, bng/shipment, and these are {parts.item.words}")
