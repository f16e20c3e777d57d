"""The pool of what was read and is not yet done."""

from datetime import datetime, timedelta

from magento_agent.changes import Changes
from magento_agent.rows import Row

NOON = datetime(2026, 3, 1, 12)  # noqa: DTZ001 # as the database gives it: naive UTC


def row(row_id: int, entity_id: int, *, entity: str = "order", op: str = "U", minute: int = 0) -> Row:
    return Row(row_id, entity, entity_id, op, NOON + timedelta(minutes=minute))


def test_rows_of_one_entity_become_one_change_with_the_oldest_time() -> None:
    changes = Changes()
    assert changes.add([row(1, 7, minute=2), row(2, 8), row(3, 7, minute=1)]) == 3
    first, second = changes.take(10, 0.0)
    assert (first.entity_id, second.entity_id) == (7, 8)
    assert first.committed_at == NOON + timedelta(minutes=1)
    assert [key[0] for key in first.rows] == [1, 3]


def test_a_row_read_again_changes_nothing() -> None:
    changes = Changes()
    changes.add([row(1, 7)])
    assert changes.add([row(1, 7)]) == 0
    changes.take(10, 0.0)
    assert changes.add([row(1, 7)]) == 0
    assert changes.take(10, 0.0) == []


def test_the_same_id_at_another_time_is_another_row() -> None:
    changes = Changes()
    changes.add([row(1, 7)])
    assert changes.add([row(1, 7, minute=1)]) == 1


def test_one_entity_type_is_taken_at_a_time_the_oldest_first() -> None:
    changes = Changes()
    changes.add([row(1, 1), row(2, 9, entity="customer"), row(3, 2), row(4, 3)])
    assert [change.key for change in changes.take(2, 0.0)] == [("order", 1), ("order", 2)]
    assert [change.key for change in changes.take(2, 0.0)] == [("customer", 9)]
    assert [change.key for change in changes.take(2, 0.0)] == [("order", 3)]


def test_an_entity_is_not_taken_while_it_is_being_hydrated() -> None:
    changes = Changes()
    changes.add([row(1, 7)])
    taken = changes.take(10, 0.0)
    changes.add([row(2, 7)])
    assert changes.take(10, 0.0) == []
    changes.hydrated(taken)
    assert [key[0] for key in changes.take(10, 0.0)[0].rows] == [2]


def test_what_is_put_back_absorbs_what_came_meanwhile() -> None:
    changes = Changes()
    changes.add([row(1, 7)])
    (change,) = changes.take(10, 0.0)
    changes.add([row(2, 7)])
    change.attempts, change.due_s = 1, 50.0
    changes.put_back(change)
    assert changes.take(10, 49.0) == []
    assert changes.next_due_s() == 50.0
    (again,) = changes.take(10, 51.0)
    assert ([key[0] for key in again.rows], again.attempts) == ([1, 2], 1)


def test_a_delete_ends_the_waiting_for_an_absent_entity() -> None:
    changes = Changes()
    changes.add([row(1, 7)])
    (change,) = changes.take(10, 0.0)
    change.due_s = 50.0
    changes.put_back(change)
    changes.add([row(2, 7, op="D")])
    (again,) = changes.take(10, 0.0)
    assert again.is_deleted


def test_entities_that_wait_for_another_attempt_take_no_room() -> None:
    changes = Changes()
    changes.add([row(1, 7), row(2, 8)])
    (change, _) = changes.take(2, 0.0)
    change.attempts = 1
    changes.put_back(change)
    assert changes.fresh == 0


def test_rows_stay_claimed_until_they_are_released() -> None:
    changes = Changes()
    changes.add([row(1, 7), row(2, 7)])
    (change,) = changes.take(10, 0.0)
    changes.hydrated([change])
    assert not changes.is_empty
    changes.release(change.rows)
    assert changes.is_empty


def test_a_row_deleted_while_a_read_is_under_way_is_not_claimed_again() -> None:
    changes = Changes()
    changes.begin_read()
    changes.add([row(1, 7)])
    (change,) = changes.take(10, 0.0)
    changes.begin_read()  # sees row 1 …
    changes.release(change.rows)
    assert changes.add([row(1, 7)]) == 0  # … and returns it after its deletion
    changes.begin_read()
    assert changes.is_empty
