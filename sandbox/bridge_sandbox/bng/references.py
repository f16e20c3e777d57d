"""Fields that name another record: it has to be there."""

from bridge_sandbox.bng import records
from bridge_sandbox.bng.entities import CUSTOMER
from bridge_sandbox.bng.entity import Entity
from bridge_sandbox.bng.problems import UNKNOWN_CUSTOMER, Problem, invalid
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Work


def check(work: Work, record: Record, field: str, entity: Entity) -> None:
    """Raise Problem if the field names a record that is not there; null names none."""
    if record[field] is None or records.exists(work, entity, record[field]):
        return
    error = (f"/{field}", f"no {entity.name} {record[field]}")
    if entity is CUSTOMER:
        raise Problem(UNKNOWN_CUSTOMER, error[1], (error,))
    raise invalid([error])
