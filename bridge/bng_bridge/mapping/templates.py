"""Where mapping files are looked for: beside the file that names them, above it, or among the shipped templates."""

from pathlib import Path

from bridge_common import shipped


def folder() -> Path:
    """Where the templates are."""
    return shipped.folder("mappings")


def named(name: str, by: Path) -> Path:
    """The file `name` that the file `by` means: beside it, or in the folder above (of a site's own files), or a template.

    Never itself: so a shop's own `customer-to-customer.yaml` extends the template of that name, and a site's the shop's.
    """
    places = [by.parent / name, by.parent.parent / name, folder() / name]
    own = by.absolute()
    return next((path for path in places if path.absolute() != own and path.is_file()), places[0])
