"""A user's own files beside the shipped ones: whose file counts for which site.

folder/NAME.yaml          in place of the template of that name
folder/SITE/NAME.yaml     in place of both, for that site
"""

from collections.abc import Collection
from pathlib import Path

from bng_bridge.mapping.findings import Finding, Position, did_you_mean

ALL_SITES = ""

Key = tuple[str, str]
"""(site, name), with '' for all sites."""


def files_in(templates: Path) -> dict[Key, Path]:
    return {(ALL_SITES, path.stem): path for path in sorted(templates.glob("*.yaml"))}


def own_files(folder: Path | None, sites: Collection[str], what: str, findings: list[Finding]) -> dict[Key, Path]:
    """Those of `folder`, which need not be given. `what` they are called in findings."""
    if folder is None:
        return {}
    if not folder.is_dir():
        findings.append(Finding(Position(str(folder), 1, 1), "", f"is no folder of {what} files"))
        return {}
    own = files_in(folder)
    for path in sorted(folder.glob("*/*.yaml")):
        site = path.parent.name
        if site in sites:
            own[site, path.stem] = path
        else:
            hint = did_you_mean(site, sites) or f"Sites: {', '.join(sorted(sites))}."
            findings.append(Finding(Position(str(path), 1, 1), "", f"there is no site {site}.", hint))
    return own
