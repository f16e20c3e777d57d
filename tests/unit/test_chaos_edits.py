"""Flow and mapping files edited by chaos: what counts as met, what is put right, and that a good edit changes nothing."""

import itertools
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from bng_bridge.flow_files.file_set import FileSet, load_set
from bng_bridge.mapping.findings import MappingFileError
from bridge_common import shipped
from bridge_sandbox.chaos import ground as patience
from bridge_sandbox.chaos.edits import TEMPLATES, edited
from bridge_sandbox.chaos.ground import Ground
from bridge_sandbox.chaos.inflict import inflict
from bridge_sandbox.chaos.schedule import EDITED, EDITS, Fault

NAME = "mappings/order-to-sales-order.yaml"


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is waited for in vain."""
    monkeypatch.setattr(patience, "PATIENCE_S", 0.1)


class Stage:
    """A bridge that loads its mapping files whenever it is asked for its status, if it reloads them at all."""

    def __init__(self, folder: Path, *, reloads: bool = True, writes: bool = True) -> None:
        self.folder = folder
        for kind in ("mappings", "flows"):
            (folder / kind).mkdir()
        self.written, self.identity, self.spared = 0, "", False
        self.refusals: list[bool] = []
        """At each, whether the bridge was spared."""
        self.writes, self._reloads, self._reads = writes, reloads, itertools.count()
        self.bng = SimpleNamespace(calls=self.calls)
        self.look()

    def calls(self) -> dict[str, int]:
        return {"GET /api/v1/customers": next(self._reads), "PUT /api/v1/sales-orders": self.written}

    def bridgectl(self, *_arguments: str) -> str:
        refused = self.look() if self._reloads else ""
        return json.dumps({"mappings": {"identity": self.identity, "refused": refused}})

    def look(self) -> str:
        try:
            self.identity = loaded(self.folder).identity
        except MappingFileError as error:
            self.refusals.append(self.spared)
            return str(error.findings[0])
        return ""

    @property
    def text(self) -> str | None:
        path = self.folder / NAME
        return path.read_text() if path.exists() else None


def loaded(folder: Path) -> FileSet:
    return load_set(folder / "mappings", (), folder / "flows")


def play(stage: Stage, edit: str) -> bool:
    @contextmanager
    def spared(name: str) -> Iterator[None]:
        stage.spared = name == "bridge"
        yield
        stage.spared = False

    ground = Ground(stage, None, SimpleNamespace(spared=spared), threading.Event())  # type: ignore[arg-type]
    ticking = threading.Event()
    writer = threading.Thread(target=tick, args=(stage, ticking))
    writer.start()
    try:
        return inflict(Fault(1.0, "mapping_reloaded", 0.0, {"template": NAME, "edit": edit}), ground)
    finally:
        ticking.set()
        writer.join()


def tick(stage: Stage, over: threading.Event) -> None:
    """Orders come in."""
    while not over.wait(0.02):
        stage.written += stage.writes


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_counts_when_the_bridge_says_so_and_writes(tmp_path: Path, edit: str) -> None:
    assert play(Stage(tmp_path), edit)


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_that_the_bridge_does_not_tell_of_is_not_counted(tmp_path: Path, edit: str) -> None:
    assert not play(Stage(tmp_path, reloads=False), edit)


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_after_which_nobody_writes_is_not_counted(tmp_path: Path, edit: str) -> None:
    assert not play(Stage(tmp_path, writes=False), edit)


def test_a_broken_edit_is_put_right_again_and_nobody_ends_the_bridge_meanwhile(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert play(stage, "broken")
    assert stage.text is None
    assert play(stage, "respelled")
    before = stage.text
    assert before is not None
    assert play(stage, "broken")
    assert stage.text == before
    assert set(stage.refusals) == {True}


def test_each_edit_is_a_file_of_its_own() -> None:
    texts = {edited(NAME, kind, note) for kind in EDITS for note in ("one", "two")}
    assert len(texts) == 2 * len(EDITS) - 1


@pytest.mark.parametrize("edit", ["commented", "respelled"])
@pytest.mark.parametrize("name", EDITED)
def test_a_good_edit_passes_the_cases_of_the_file_that_it_says_again(tmp_path: Path, name: str, edit: str) -> None:
    text = edited(name, edit, "Edited.")
    Stage(tmp_path)
    (tmp_path / name).write_text(text)
    shipped_file = shipped.folder(name.partition("/")[0]) / Path(name).name
    shutil.copytree(shipped_file.with_suffix(""), (tmp_path / name).with_suffix(""))
    assert loaded(tmp_path).identity != load_set(None, ()).identity
    is_respelled = text.partition("\n")[2] != shipped_file.read_text()
    assert is_respelled == (edit == "respelled")


@pytest.mark.parametrize("name", EDITED)
def test_a_broken_edit_is_refused(tmp_path: Path, name: str) -> None:
    Stage(tmp_path)
    (tmp_path / name).write_text(edited(name, "broken", ""))
    with pytest.raises(MappingFileError) as refused:
        loaded(tmp_path)
    assert name in str(refused.value.findings[0])


def test_every_template_that_is_drawn_can_be_edited() -> None:
    assert set(EDITED) == set(TEMPLATES)
