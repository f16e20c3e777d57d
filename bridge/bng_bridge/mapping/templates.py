"""Where mapping files are looked for: beside the file that names them, above it, or among the shipped templates."""

import sysconfig
from pathlib import Path


def folder() -> Path:
    """Where the templates are: in the source tree, or where the installation put them."""
    source = Path(__file__).parents[3] / "packaging" / "mappings"
    return source if source.is_dir() else Path(sysconfig.get_path("data")) / "share" / "bng-bridge" / "mappings"


def named(name: str, by: Path) -> Path:
    """The file `name` that the file `by` means: beside it, or in the folder above (of a site's own files), or a template.

    Never itself: so a shop's own `customer-to-customer.yaml` extends the template of that name, and a site's the shop's.
    """
    places = [by.parent / name, by.parent.parent / name, folder() / name]
    own = by.absolute()
    return next((path for path in places if path.absolute() != own and path.is_file()), places[0])
