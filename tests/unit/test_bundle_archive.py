"""A bundle as a file: what is packed comes out the same, and whatever was done to it is noticed."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.bundles import bundle_of, write_mappings

from bng_bridge.bundles import archive, bundle, files
from bng_bridge.bundles.building import build
from bng_bridge.bundles.bundle import LABEL, SUM, Bundle
from bng_bridge.bundles.label import FORMAT
from bng_bridge.bundles.refused import BundleRefused

WORD = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="/\\~."), min_size=1, max_size=20
)
NAMES = st.lists(WORD, min_size=1, max_size=4).map("/".join)
CONTENTS = st.dictionaries(NAMES, st.binary(max_size=2000), max_size=8)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle_of(tmp_path_factory.mktemp("built"), "1")


@settings(max_examples=200, deadline=None)
@given(CONTENTS)
def test_whatever_is_packed_comes_out_the_same(contents: dict[str, bytes]) -> None:
    packed = archive.pack(contents)
    assert archive.read(packed) == contents
    assert list(archive.read(packed)) == list(contents)


def test_a_bundle_that_is_packed_and_read_is_the_same(made: Bundle) -> None:
    assert bundle.read(made.pack()) == made


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_bit_can_be_changed_unnoticed(made: Bundle, data: st.DataObject) -> None:
    packed = bytearray(made.pack())
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BundleRefused):
        bundle.read(bytes(packed))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_piece_of_a_bundle_is_none(made: Bundle, data: st.DataObject) -> None:
    packed = made.pack()
    with pytest.raises(BundleRefused):
        bundle.read(packed[: data.draw(st.integers(0, len(packed) - 1))])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=3000))
def test_what_was_never_a_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(BundleRefused):
        bundle.read(data)


def test_the_same_files_give_the_same_content_byte_for_byte_whoever_builds_it_when(tmp_path: Path) -> None:
    folder = write_mappings(tmp_path / "mappings", "1")
    first = build({"mappings": folder}, name="a", version="", by="ida").bundle
    for path in folder.rglob("*"):
        path.touch()
    second = build({"mappings": folder}, name="b", version="", by="ben").bundle
    assert first.identity != second.identity
    assert (first.label.content, first.label.version) == (second.label.content, second.label.version)
    assert content(first) == content(second)


def content(made: Bundle) -> bytes:
    """Behind the label."""
    return archive.pack({name: data for name, data in made.contents.items() if name not in (SUM, LABEL)})


def test_tar_reads_it(made: Bundle) -> None:
    with tarfile.open(fileobj=io.BytesIO(made.pack())) as opened:
        assert opened.getnames() == [SUM, LABEL, *made.label.files]


def member(
    name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", **fields: object
) -> Callable[[tarfile.TarFile], None]:
    def add(out: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.size, info.mode = kind, len(data), 0o444
        for field, value in fields.items():
            setattr(info, field, value)
        out.addfile(info, io.BytesIO(data))

    return add


@pytest.mark.parametrize(
    "add",
    [
        member("mappings/x.yaml", tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("mappings/x.yaml", tarfile.LNKTYPE, linkname=LABEL),
        member("mappings/x", tarfile.DIRTYPE),
        member("mappings/x", tarfile.FIFOTYPE),
        member("mappings/x", tarfile.CHRTYPE),
        member("mappings/x.yaml", data=b"x"),
        member(LABEL, data=b"{}"),
        member("mappings/x.yaml", data=b"", pax_headers={"GNU.sparse.map": "0,1", "GNU.sparse.size": "99999999999"}),
        member("mappings/x.yaml", data=b"", pax_headers={"size": "99999999999"}),
    ],
    ids=[
        "symlink",
        "hard link",
        "folder",
        "fifo",
        "device",
        "a file more",
        "a second label",
        "sparse bomb",
        "size bomb",
    ],
)
def test_what_tar_can_hold_besides_is_refused(made: Bundle, add: Callable[[tarfile.TarFile], None]) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as packed:
        for name, data in made.contents.items():
            member(name, data=data)(packed)
        add(packed)
    with pytest.raises(BundleRefused):
        bundle.read(out.getvalue())


def test_a_compressed_one_is_refused_so_that_nothing_grows(made: Bundle) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        member(LABEL, data=bytes(1 << 20))(packed)
    with pytest.raises(BundleRefused, match="no bundle"):
        bundle.read(out.getvalue())


def test_one_that_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(BundleRefused, match="larger than 32 MB"):
        bundle.read(bytes(archive.MOST_ARCHIVE_BYTES + 1))


@pytest.mark.parametrize(
    "name",
    [
        "../x.yaml", "/etc/x.yaml", "mappings/../../x.yaml", "mappings//x.yaml", "mappings/./x.yaml", "mappings/x\\y.yaml",
        "mappings/.x.yaml", "mappings/x\n.yaml", "mappings/", "", "mappings/" + 200 * "x", "flaws/x.yaml", "x.yaml",
        "mappings",
    ],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_or_nowhere_is_refused(made: Bundle, name: str) -> None:
    """Also by one whose label names it: built by another program than ours."""
    with pytest.raises(BundleRefused):
        relabelled(made, {**content_of(made), name: b"x"})


def test_a_file_and_a_folder_of_one_name_are_refused(made: Bundle) -> None:
    with pytest.raises(BundleRefused, match="no name of a file"):
        relabelled(made, {"mappings/x": b"", "mappings/x/y.yaml": b""})


def test_a_label_that_names_other_files_is_refused(made: Bundle) -> None:
    wanted = content_of(made)
    first = next(iter(wanted))
    for changed, fault in (
        ({first: b"other"}, "was changed"),
        ({}, "is missing"),
        ({"mappings/more.yaml": b""}, "no part"),
    ):
        held = {name: data for name, data in wanted.items() if changed or name != first} | changed
        with pytest.raises(BundleRefused, match=fault):
            bundle.checked({SUM: made.contents[SUM], LABEL: made.contents[LABEL], **held})


def test_a_bundle_of_a_newer_bridge_says_so(made: Bundle) -> None:
    text = made.contents[LABEL].replace(b'"format": 1,', b'"format": 2,\n  "seal": "x",')
    assert FORMAT == 1
    with pytest.raises(BundleRefused, match="newer bridge"):
        bundle.checked({**made.contents, LABEL: text, SUM: f"{files.digest(text)}  {LABEL}\n".encode()})


def content_of(made: Bundle) -> dict[str, bytes]:
    return {name: data for name, data in made.contents.items() if name not in (SUM, LABEL)}


def relabelled(made: Bundle, content: dict[str, bytes]) -> Bundle:
    hashes = files.digests(content)
    return bundle.made(made.label.model_copy(update={"files": hashes, "content": files.content_of(hashes)}), content)


def test_hidden_files_and_editors_copies_stay_behind(tmp_path: Path) -> None:
    folder = write_mappings(tmp_path / "mappings", "1")
    before = set(files.collect({"mappings": folder}))
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("x")
    (folder / "order-to-customer.yaml~").write_text("x")
    (folder / "empty").mkdir()
    assert set(files.collect({"mappings": folder})) == before


def test_a_link_is_not_packed(tmp_path: Path) -> None:
    folder = write_mappings(tmp_path / "mappings", "1")
    (folder / "order-to-sales-order.yaml").symlink_to(folder / "order-to-customer.yaml")
    with pytest.raises(BundleRefused, match="is a link"):
        files.collect({"mappings": folder})


def test_what_is_too_much_is_not_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_mappings(tmp_path / "mappings", "1")
    monkeypatch.setattr(files, "MOST_FILES", 2)
    with pytest.raises(BundleRefused, match="more than 2 files"):
        files.collect({"mappings": folder})
    monkeypatch.setattr(files, "MOST_BYTES", 100)
    with pytest.raises(BundleRefused, match="larger than"):
        files.collect({"mappings": folder})


def test_what_is_spread_and_collected_again_is_the_same(made: Bundle, tmp_path: Path) -> None:
    files.spread(made.contents, tmp_path / "new")
    assert files.collect({"mappings": tmp_path / "new" / "mappings"}) == content_of(made)
    assert not (tmp_path / "new" / "mappings" / "order-to-customer.yaml").stat().st_mode & 0o222


def test_a_bundle_built_from_an_unpacked_one_names_it(made: Bundle, tmp_path: Path) -> None:
    files.spread(made.contents, tmp_path / "new")
    child = build({"mappings": tmp_path / "new" / "mappings"}, name="x", version="", by="ida").bundle
    assert (made.label.parent, child.label.parent) == ("", made.identity)


def test_the_tests_run_on_what_is_packed_and_not_on_what_stands_beside_it(tmp_path: Path) -> None:
    """A template of one's own above the folder is found there, and would not be where the bundle goes."""
    folder = write_mappings(tmp_path / "mappings", "1")
    (tmp_path / "ours.yaml").write_text("extends: order-to-customer.yaml\n")
    (folder / "order-to-customer.yaml").write_text("extends: ours.yaml\nfields:\n  Phone: {default: '1'}\n")
    built = build({"mappings": folder}, name="x", version="", by="ida")
    assert not built.bundle.label.tests.passed
    assert "ours.yaml" in built.examined.findings[0]


def test_the_label_counts_cases_and_names_what_failed(tmp_path: Path) -> None:
    tests = bundle_of(tmp_path, "1", expected="2").label.tests
    assert (tests.passed, tests.cases, tests.failed) == (False, 1, 1)
    (finding,) = tests.findings
    assert finding.startswith("mappings/order-to-customer/guest.in.json:1:1: guest: Phone is")
    assert tests.rules_reached
    assert tests.sentence() == "1 of 1 cases failed"


def test_a_file_without_a_case_was_not_tested(tmp_path: Path) -> None:
    folder = tmp_path / "mappings"
    folder.mkdir()
    (folder / "order-to-customer.yaml").write_text("extends: order-to-customer.yaml\n")
    tests = build({"mappings": folder}, name="x", version="", by="ida").bundle.label.tests
    assert (tests.passed, tests.cases, tests.failed, tests.rules_reached) == (False, 0, 0, 0)
    assert "no cases" in tests.findings[0]


def test_a_site_s_own_file_is_tested_as_the_others(tmp_path: Path) -> None:
    made = bundle_of(tmp_path, "1", site="shop1")
    assert made.label.tests.passed
    assert "mappings/shop1/order-to-customer.yaml" in made.label.files


def test_a_name_that_is_too_long_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="name: String should have at most 200"):
        build({"mappings": write_mappings(tmp_path / "mappings", "1")}, name=300 * "x", version="", by="ida")
