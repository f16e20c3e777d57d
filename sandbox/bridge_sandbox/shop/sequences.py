"""The numbers that customers read on documents: one sequence for each kind and store, a gap for each that failed."""

from bridge_sandbox.shop.session import Session

KINDS = ("order", "shipment", "invoice", "creditmemo")


def next_number(session: Session, kind: str, store_id: int) -> str:
    """Such as 000000074 in the first store, and 2000000074 in the second."""
    prefix = str(store_id) if store_id > 1 else ""
    return f"{prefix}{session.insert_empty(f'sequence_{kind}_{store_id}'):09d}"


def create_sequences(session: Session, store_id: int) -> None:
    """The tables of a new store; DDL, so what was open is committed."""
    for kind in KINDS:
        session.run_raw(
            f"CREATE TABLE #sequence_{kind}_{store_id} "
            "(sequence_value int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB"
        )
