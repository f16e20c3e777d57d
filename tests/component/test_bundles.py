"""What a bridge keeps of bundles: what counts, crashes at every step of a change, tampering, what is kept how long."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.bundles import bundle_of, installed_at, phone_in, write_mappings
from tests.support.mappings import shipped

from bng_bridge.bundles import depot, history, kinds
from bng_bridge.bundles.bundle import Bundle
from bng_bridge.bundles.installation import Installation
from bng_bridge.bundles.refused import BundleRefused
from bng_bridge.flow_files.file_set import FileSet
from bng_bridge.mapping.findings import MappingFileError
from bridge_common.errors import TransientError


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Bundle]:
    """Bundles by the number that they give; "bad": one whose test failed."""
    made: dict[str, Bundle] = {}

    def bundle(phone: str) -> Bundle:
        if phone not in made:
            expected = "another" if phone == "bad" else None
            made[phone] = bundle_of(tmp_path_factory.mktemp("built"), phone, expected=expected)
        return made[phone]

    return bundle


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    return installed_at(tmp_path)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that change often and look at the disk only: mappings are not made of the files."""

    def load(_tree: kinds.Tree, _sites: object, *, with_cases: bool = True) -> FileSet:
        return shipped()

    monkeypatch.setattr(kinds, "load", load)


def deploy(here: Installation, bundle: Bundle, **fields: str) -> None:
    here.deploy(bundle.pack(), by="ida", **fields)


def test_a_deployed_bundle_counts_before_the_bridge_s_own_folder_and_that_before_the_templates(
    tmp_path: Path, built: Callable[[str], Bundle]
) -> None:
    assert installed_at(tmp_path).load().mappings.identity == shipped().identity
    here = installed_at(tmp_path, own=write_mappings(tmp_path / "mappings", "own"))
    assert phone_in(here) == "own"
    deploy(here, built("1"))
    assert (phone_in(here), here.load().bundle) == ("1", built("1").identity)
    here.rollback(by="ida")
    assert (phone_in(here), here.load().bundle) == ("own", "")


def test_in_production_only_a_deployed_bundle_counts(tmp_path: Path, built: Callable[[str], Bundle]) -> None:
    here = installed_at(tmp_path, is_production=True)
    with pytest.raises(BundleRefused, match="No bundle is deployed") as refused:
        here.load()
    assert "bng-bridge bundle deploy FILE" in refused.value.hint
    deploy(here, built("1"))
    assert phone_in(here) == "1"
    for to in ("", "none"):
        with pytest.raises(BundleRefused, match="No bundle was in force before"):
            here.rollback(by="ida", to=to)
    assert phone_in(here) == "1"


def test_production_refuses_a_bundle_whose_tests_failed_and_elsewhere_it_can_be_looked_at(
    tmp_path: Path, built: Callable[[str], Bundle]
) -> None:
    here = installed_at(tmp_path, is_production=True)
    deploy(here, built("1"))
    with pytest.raises(BundleRefused, match="1 of 1 cases failed"):
        deploy(here, built("bad"))
    assert (phone_in(here), here.depot.kept()) == ("1", {built("1").identity})

    quality = installed_at(tmp_path / "qa")
    deploy(quality, built("bad"))
    assert phone_in(quality) == "bad"
    # The same folder under a bridge that has become one of production.
    with pytest.raises(BundleRefused, match="failing tests"):
        installed_at(tmp_path / "qa", is_production=True).load()


def test_what_passes_where_it_was_built_and_not_here_is_refused_and_not_kept(
    tmp_path: Path, here: Installation, built: Callable[[str], Bundle]
) -> None:
    """A site that this bridge does not have."""
    deploy(here, built("1"))
    with pytest.raises(MappingFileError, match="there is no site shop7"):
        deploy(here, bundle_of(tmp_path, "7", site="shop7"))
    assert (phone_in(here), here.depot.kept()) == ("1", {built("1").identity})


@pytest.mark.usefixtures("cheap")
def test_the_history_says_what_was_in_force_since_when_by_whom(
    here: Installation, built: Callable[[str], Bundle]
) -> None:
    deploy(here, built("1"), note="first")
    deploy(here, built("2"))
    here.rollback(by="ben", note="wrong number")
    first, second, third = here.depot.entries()
    assert (first.action, first.by, first.note, first.previous, first.version) == ("deploy", "ida", "first", "", "1")
    assert (second.identity, second.previous) == (built("2").identity, built("1").identity)
    assert (third.action, third.by, third.note, third.version) == ("rollback", "ben", "wrong number", "1")
    assert (third.identity, third.previous) == (built("1").identity, built("2").identity)
    assert first.at < second.at < third.at
    assert third.tests is not None
    assert third.tests.passed


@pytest.mark.usefixtures("cheap")
def test_rollbacks_go_further_back_and_never_to_what_was_rolled_back_from(
    here: Installation, built: Callable[[str], Bundle]
) -> None:
    for phone in ("1", "2", "3"):
        deploy(here, built(phone))
    seen = [here.rollback(by="ida").entry.version for _ in range(3)]
    assert seen == ["2", "1", ""]
    with pytest.raises(BundleRefused, match="nothing to go back from"):
        here.rollback(by="ida")
    here.rollback(by="ida", to=built("3").identity[:8])
    deploy(here, built("2"))
    assert here.rollback(by="ida").entry.version == "3"
    with pytest.raises(BundleRefused, match="ffffffff is not kept here"):
        here.rollback(by="ida", to="ffffffff")


@pytest.mark.usefixtures("cheap")
def test_what_is_in_force_already_is_no_change(here: Installation, built: Callable[[str], Bundle]) -> None:
    deploy(here, built("1"))
    again = here.deploy(built("1").pack(), by="ben")
    assert (again.is_new, again.entry.by, len(here.depot.entries())) == (False, "ida", 1)


@pytest.mark.usefixtures("cheap")
def test_the_last_ones_are_kept_and_always_the_one_in_force_and_the_one_before(
    here: Installation, built: Callable[[str], Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depot, "KEPT", 3)
    for phone in ("1", "2", "3", "4", "5"):
        deploy(here, built(phone))
    assert here.depot.kept() == {built(phone).identity for phone in ("3", "4", "5")}
    here.rollback(by="ida")
    here.rollback(by="ida")
    assert len(here.depot.entries()) == 7
    # In force is 3, and what was before it is 2, which went long ago.
    with pytest.raises(BundleRefused, match="is missing"):
        here.rollback(by="ida")
    for phone in ("6", "7"):
        deploy(here, built(phone))
    here.rollback(by="ida", to=built("3").identity)
    monkeypatch.setattr(depot, "KEPT", 1)
    deploy(here, built("8"))
    assert here.depot.kept() == {built("8").identity, built("3").identity}


RULE_FILE = "mappings/order-to-customer.yaml"
TAMPERINGS: dict[str, Callable[[Path], object]] = {
    "changed": lambda folder: rewrite(folder / RULE_FILE, "extends: order-to-customer.yaml\n"),
    "a case changed": lambda folder: rewrite(folder / "mappings/order-to-customer/guest.out.json", "{}"),
    "gone": lambda folder: (folder / RULE_FILE).unlink(),
    "one more": lambda folder: rewrite(folder / "mappings/order-to-sales-order.yaml", "x"),
    "one more, hidden": lambda folder: rewrite(folder / "mappings/.order-to-sales-order.yaml", "x"),
    "a link": lambda folder: link(folder / RULE_FILE),
    "label": lambda folder: rewrite(
        folder / "bundle.json", (folder / "bundle.json").read_text().replace('"ida"', '"ben"')
    ),
    "no label": lambda folder: (folder / "bundle.json").unlink(),
    "all gone": shutil.rmtree,
}


def link(path: Path) -> None:
    """To the very same bytes."""
    path.rename(elsewhere := path.parents[3] / "elsewhere.yaml")
    path.symlink_to(elsewhere)


def rewrite(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(text)


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("how", TAMPERINGS)
def test_what_was_changed_on_the_disk_is_refused_until_it_is_deployed_again(
    here: Installation, built: Callable[[str], Bundle], how: str
) -> None:
    deploy(here, built("1"))
    deploy(here, built("2"))
    identity = built("2").identity
    TAMPERINGS[how](here.depot.folder_of(identity))
    with pytest.raises(BundleRefused, match=identity[:12]) as refused:
        here.load()
    assert "bridgectl bundle rollback" in refused.value.hint
    again = here.deploy(built("2").pack(), by="ida")
    assert (again.is_new, here.load().bundle) == (False, identity)
    TAMPERINGS[how](here.depot.folder_of(identity))
    here.rollback(by="ida")
    assert here.load().bundle == built("1").identity


@pytest.mark.usefixtures("cheap")
def test_another_whole_bundle_in_the_place_of_one_is_refused(
    here: Installation, built: Callable[[str], Bundle]
) -> None:
    deploy(here, built("1"))
    deploy(here, built("2"))
    one, two = (here.depot.folder_of(built(phone).identity) for phone in ("1", "2"))
    shutil.rmtree(two)
    shutil.copytree(one, two)
    with pytest.raises(BundleRefused, match="holds another bundle"):
        here.load()


def test_an_editor_s_file_beside_is_no_tampering(here: Installation, built: Callable[[str], Bundle]) -> None:
    deploy(here, built("1"))
    (here.depot.folder_of(built("1").identity) / "mappings" / ".order-to-customer.yaml.swp").write_text("x")
    assert phone_in(here) == "1"


@pytest.mark.usefixtures("cheap")
def test_a_history_that_was_edited_by_hand_is_a_sentence_with_its_line(
    here: Installation, built: Callable[[str], Bundle]
) -> None:
    deploy(here, built("1"))
    file = here.depot.folder / "history.jsonl"
    file.write_text(file.read_text() + "and so on\n")
    with pytest.raises(BundleRefused, match=r"history.jsonl:2: is no entry"):
        here.load()


class PowerCutError(BaseException):
    """No `except Exception` of the code under test may see it: a machine that is off cleans up nothing."""


CHANGING = ("open", "mkdir", "replace", "rename", "unlink", "rmdir", "fsync")
"""What a change of the disk goes through."""


class Disk:
    """Is off from its n-th change on; `before` that change or after it."""

    def __init__(self, patch: pytest.MonkeyPatch, n: int, *, before: bool) -> None:
        self.done = 0
        for name in CHANGING:
            patch.setattr(os, name, self._counted(getattr(os, name), n, before=before))

    def _counted(self, real: Callable[..., Any], n: int, *, before: bool) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.done += 1
            if self.done > n or (before and self.done == n):
                raise PowerCutError
            result = real(*arguments, **options)
            if self.done == n:
                raise PowerCutError
            return result

        return call


def change_cut_at_every_step(
    start: Path, change: Callable[[Installation], object], *, before: bool
) -> Iterator[Installation]:
    """The installation as it comes up after a cut at the first step, the second, … until the change is through."""
    n = 0
    while True:
        n += 1
        folder = start.with_name(f"cut-{n}")
        shutil.copytree(start, folder)
        with pytest.MonkeyPatch.context() as patch:
            Disk(patch, n, before=before)
            try:
                change(installed_at(folder))
            except PowerCutError:
                cut = True
            else:
                cut = False
        yield installed_at(folder)
        if not cut:
            break
    assert n > 3


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_deployment_that_is_cut_at_any_step_leaves_the_old_or_the_new_in_force(
    tmp_path: Path, built: Callable[[str], Bundle], before: bool
) -> None:
    old, new = built("1"), built("2")
    deploy(installed_at(tmp_path / "start"), old)
    seen = []
    for here in change_cut_at_every_step(tmp_path / "start", lambda here: deploy(here, new), before=before):
        seen.append(found := here.load().bundle)
        assert [each.identity for each in here.depot.entries()] == [old.identity, new.identity][
            : len(here.depot.entries())
        ]
        # Whatever has a bundle's name is a whole bundle.
        assert {here.depot.look(each).identity for each in here.depot.kept()} >= {old.identity, found}
        # It can be repeated, and what the cut has left is gone then.
        deploy(here, new)
        assert here.load().bundle == new.identity
        assert here.depot.kept() == {old.identity, new.identity}
        assert [path.name for path in here.depot.folder.glob(".[!l]*")] == []
    assert sorted(set(seen), key=seen.index) == [old.identity, new.identity]
    assert seen == sorted(seen, key=lambda each: each == new.identity)


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_rollback_that_is_cut_at_any_step_leaves_the_old_or_the_new_in_force(
    tmp_path: Path, built: Callable[[str], Bundle], monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    monkeypatch.setattr(depot, "KEPT", 2)
    for phone in ("1", "2", "3"):
        deploy(installed_at(tmp_path / "start"), built(phone))
    seen = [
        here.load().bundle
        for here in change_cut_at_every_step(tmp_path / "start", lambda here: here.rollback(by="ida"), before=before)
    ]
    assert sorted(set(seen), key=seen.index) == [built("3").identity, built("2").identity]


@pytest.mark.usefixtures("cheap")
def test_two_changes_at_once_are_refused(here: Installation, built: Callable[[str], Bundle]) -> None:
    deploy(here, built("1"))
    with here.depot.changing(), pytest.raises(BundleRefused, match="being deployed just now"):
        here.rollback(by="ida")


@pytest.mark.usefixtures("cheap")
def test_a_full_disk_is_a_sentence_and_changes_nothing(
    here: Installation, built: Callable[[str], Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(here, built("1"))

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(TransientError, match="No space left"):
            deploy(here, built("2"))
    assert here.load().bundle == built("1").identity
    deploy(here, built("2"))
    assert here.load().bundle == built("2").identity


def test_the_way_back_is_read_off_the_history() -> None:
    a, b = 64 * "a", 64 * "b"

    def entry(action: Any, identity: str) -> history.Entry:
        return history.Entry(at="", action=action, identity=identity, previous="", by="", note="")

    entries = [entry("deploy", a), entry("deploy", b), entry("deploy", a), entry("rollback", b)]
    assert [history.before(entries[:n]) for n in range(5)] == ["", "", a, b, a]


def test_a_file_that_is_changed_while_it_is_loaded_is_not_put_in_force(
    here: Installation, built: Callable[[str], Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every hash was compared, and before all files were read."""
    deploy(here, built("1"))
    file = here.depot.folder_of(built("1").identity) / RULE_FILE
    load = kinds.load

    def loading(*arguments: Any, **options: Any) -> FileSet:
        rewrite(file, "extends: order-to-customer.yaml\n")
        return load(*arguments, with_cases=False)

    monkeypatch.setattr(kinds, "load", loading)
    with pytest.raises(BundleRefused, match="was changed"):
        here.load()
