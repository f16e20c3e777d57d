"""What documents and templates name exists: options with their defaults, files, functions, commands, keys of status."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bng_bridge.cli import main as bng_bridge
from bng_bridge.config import BridgeConfig
from bng_bridge.ctl.cli import main as bridgectl
from bridge_common.config import Section, load
from bridge_sandbox.chaos.mutants.catalogue import MUTANTS
from magento_agent.cli import main as magento_agent
from magento_agent.config import AgentConfig

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
TEMPLATES: dict[str, type[Section]] = {
    "agent.toml": AgentConfig,
    "agent-hosted.toml": AgentConfig,
    "bridge.toml": BridgeConfig,
}
LEFT_OUT = {"agent.toml": "polling.", "agent-hosted.toml": "outbox.", "bridge.toml": "-"}
"""An agent captures in one of two ways, and has a template for each."""

OAUTH = ("consumer_key", "consumer_secret_file", "access_token", "access_token_secret_file")
PROGRAMS: dict[str, click.Command] = {"bng-bridge": bng_bridge, "bridgectl": bridgectl, "magento-agent": magento_agent}

ALTERNATIVES = {
    "api_key_file": ("client_id", "client_secret_file"),
    "generic_customer_id": (),
    "guest_policy": ("guest_policy",),
    "token_file": OAUTH,
    "consumer_key": ("token_file",),
    "consumer_secret_file": (),
    "access_token": (),
    "access_token_secret_file": (),
    "admin_user": ("token_file", *OAUTH),
    "admin_password_file": (),
    "user": ("env_php",),
    "password_file": ("env_php",),
    "env_php": ("user", "password_file"),
}
"""What a `##key` line of a template takes the place of, in its table."""

OPTION = re.compile(r"^#(?=[\w\[\]]|  \[)", re.MULTILINE)
"""The mark that keeps an option of a template out of force; prose has a blank after it."""

Keys = dict[str, Any]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_a_valid_configuration(name: str, tmp_path: Path) -> None:
    assert load(written(tmp_path, template(name)), TEMPLATES[name])


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_valid_with_every_option_uncommented(name: str, tmp_path: Path) -> None:
    assert load(written(tmp_path, uncommented(template(name))), TEMPLATES[name])


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_valid_with_its_alternatives(name: str, tmp_path: Path) -> None:
    assert load(written(tmp_path, with_alternatives(template(name))), TEMPLATES[name])


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_shows_every_option_and_no_other(name: str) -> None:
    text = template(name)
    count = len(re.findall(r"(?m)^##\w", text))
    shown = {key for most in range(count + 1) for key in flat(tomllib.loads(with_alternatives(text, most)))}
    assert {generic(key) for key in shown} == set(expected(name))


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_a_template_shows_commented_is_the_default(name: str) -> None:
    commented = {generic(key): value for key, value in flat(tomllib.loads(uncommented(template(name)))).items()}
    wrong = {}
    for key, field in expected(name).items():
        shown = commented.get(key)
        default = field.get_default(call_default_factory=True)
        if not field.is_required() and default is not None and comparable(shown) != comparable(default):
            wrong[key] = (shown, default)
    assert wrong == {}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_in_a_document_exists(document: Path) -> None:
    named = set(
        re.findall(r"`((?:agent|bridge|common|sandbox|systemd|packaging|docs|tests|\.ci)/[\w./-]+)`", text_of(document))
    )
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text_of(document))
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_name_that_follows_a_file_in_a_document_is_in_it(document: Path) -> None:
    pairs = re.findall(r"`([\w./-]+\.(?:py|sql))`\s+`([A-Za-z_][\w.]*)`", text_of(document))
    assert [f"{path} {name}" for path, name in pairs if name not in names_in(ROOT / path)] == []


def test_the_walk_names_functions() -> None:
    assert len(re.findall(r"`[\w./-]+\.py`\s+`[A-Za-z_]", text_of(ROOT / "docs" / "walk.md"))) > 30


GUARANTEES = ROOT / "docs" / "guarantees.md"


def test_every_test_that_stands_for_a_guarantee_exists() -> None:
    named = list(named_tests(text_of(GUARANTEES)))
    assert len(named) > 80
    assert [f"{path} {name}" for path, name in named if name not in names_in(ROOT / path)] == []


def test_every_guarantee_names_a_test() -> None:
    sections = re.findall(r"(?ms)^### (.+?)$(.+?)(?=^#|\Z)", text_of(GUARANTEES))
    assert len(sections) > 20
    assert [title for title, text in sections if not list(named_tests(text))] == []


def test_every_mutant_stands_at_a_guarantee() -> None:
    lists = re.findall(r"\b[Mm]utants? ((?:`[\w-]+`(?:,\s+)?)+)", text_of(GUARANTEES))
    assert {name for names in lists for name in re.findall(r"`([\w-]+)`", names)} == {each.name for each in MUTANTS}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_run_knows_its_commands_in_a_document(document: Path) -> None:
    known = re.findall(r"^    ([a-z]+)\b.*\) .*;;$", (ROOT / "run").read_text(), re.MULTILINE)
    used = re.findall(r"\./run ([a-z]+)\b", text_of(document))
    assert "demo" in known
    assert set(used) <= set(known)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_programs_know_their_commands_and_options_in_a_document(document: Path) -> None:
    lines = [line for line in code_of(document) for name in PROGRAMS if re.match(rf"(sudo (-u \S+ )?)?{name} ", line)]
    assert [line for line in lines if not is_known(line)] == []


ANSWERS = {
    "status": {"admin/status.py", "pacing/throttle.py", "pacing/quota.py", "pacing/calls.py"},
    "ledger": {"admin/ledger.py"},
}
MAKERS = {"status": {"status", "_site", "shown", "counted"}, "ledger": {"completeness", "_line", "_sums"}}


@pytest.mark.parametrize("topic", ANSWERS)
def test_every_key_of_an_answer_is_explained(topic: str) -> None:
    trees = [ast.parse((ROOT / "bridge" / "bng_bridge" / module).read_text()) for module in ANSWERS[topic]]
    made = [node for tree in trees for node in ast.walk(tree) if getattr(node, "name", "") in MAKERS[topic]]
    assert {getattr(node, "name", "") for node in made} == MAKERS[topic]
    answers = [node for function in made for node in ast.walk(function) if isinstance(node, ast.Dict)]
    keys = {key.value for answer in answers for key in answer.keys if isinstance(key, ast.Constant)}
    text = text_of(ROOT / "docs" / f"{topic}.md")
    assert len(keys) > 20
    assert [key for key in sorted(map(str, keys)) if f"`{key}`" not in text] == []


def test_every_alert_that_lasts_is_explained() -> None:
    conditions = (ROOT / "bridge" / "bng_bridge" / "watching" / "conditions.py").read_text()
    keys = [
        f"`{name}{'/SITE' if site else ''}`" for name, site in re.findall(r'"([a-z]+-[a-z]+)(/\{name\})?"', conditions)
    ]
    text = text_of(ROOT / "docs" / "status.md")
    assert len(keys) > 6
    assert [key for key in keys if f"| {key} |" not in text] == []


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["systemd"]]
    names = [re.split(r"[<>=\[ ]", each)[0] for each in needed]
    text = text_of(ROOT / "docs" / "adr" / "0008-dependencies.md")
    assert [name for name in names if f"| {name} " not in text] == []


def generic(key: str) -> str:
    """With `*` for what stands in the place of any name."""
    return re.sub(r"\.(limits|stores|export)\.[\w-]+", r".\1.*", re.sub(r"^sites\.\w+", "sites.*", key))


def expected(name: str) -> dict[str, FieldInfo]:
    """The options that a template has to show."""
    return {key: field for key, field in options(TEMPLATES[name]).items() if not key.startswith(LEFT_OUT[name])}


def template(name: str) -> str:
    return (ROOT / "packaging" / name).read_text()


def uncommented(text: str) -> str:
    """With every `#key = …` and `#[table]` line in force."""
    return OPTION.sub("", re.sub(r"(?m)^##\w.*$", "", text))


def with_alternatives(text: str, most: int | None = None) -> str:
    """With every `##key = …` line (or the first so many) in force, in place of what it excludes in its table."""
    lines: list[str] = []
    table_begins_at = 0
    left = len(text) if most is None else most
    for line in OPTION.sub("", text).splitlines():
        if line.startswith("["):
            table_begins_at = len(lines)
        key = re.match(r"##(\w+) =", line)
        left -= int(key is not None)
        if key and left < 0:
            continue
        for excluded in ALTERNATIVES[key[1]] if key else ():
            lines[table_begins_at:] = [old for old in lines[table_begins_at:] if not old.startswith(f"{excluded} =")]
        lines.append(line.removeprefix("##") if key else line)
    return "\n".join(lines)


def written(folder: Path, text: str) -> Path:
    path = folder / "template.toml"
    path.write_text(text)
    return path


def flat(table: Keys, prefix: str = "") -> Keys:
    """{"bng.poll.interval_s": 60, …}; a table of names, such as `sources`, is a value."""
    found: Keys = {}
    for key, value in table.items():
        is_table = isinstance(value, dict) and key != "sources"
        found |= flat(value, f"{prefix}{key}.") if is_table else {f"{prefix}{key}": value}
    return found


def options(model: type[BaseModel], prefix: str = "") -> dict[str, FieldInfo]:
    """Every option with its field; a table per name (sites) has `*` for the name."""
    found: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        inner = model_in(field.annotation)
        if inner is None:
            found[f"{prefix}{name}"] = field
        else:
            names = ".*." if "dict" in str(field.annotation) else "."
            found |= options(inner, f"{prefix}{name}{names}")
    return found


def model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := model_in(part))), None)


def comparable(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [comparable(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def named_tests(text: str) -> Iterator[tuple[str, str]]:
    """(path, name): after a file of tests all names of tests are that file's, up to the next one."""
    path = ""
    for code in re.findall(r"`([^`\n]+)`", text):
        if re.fullmatch(r"tests/[\w/]+\.py", code):
            path = code
        elif re.fullmatch(r"test_\w+|Test\w+", code):
            yield path, code


@cache
def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def code_of(document: Path) -> Iterator[str]:
    """Lines of code blocks, without prompt and comment, and pieces of code in the text."""
    text = text_of(document)
    blocks = re.findall(r"(?ms)^```\w*\n(.*?)^```", text) + re.findall(r"(?m)^    (\S.*)$", text)
    for block in blocks:
        for line in block.splitlines():
            yield re.sub(r"\s+#.*", "", line.strip().removeprefix("$ "))
    yield from re.findall(r"`([^`\n]+)`", text)


def is_known(line: str) -> bool:
    """Whether its words lead to a command, and the command has its options."""
    words = re.sub(r"^sudo (-u \S+ )?", "", line).split(" > ")[0].split(" | ")[0].split()
    command = PROGRAMS[words[0]]
    known = option_names(command)
    for word in words[1:]:
        if isinstance(command, click.Group) and not word.startswith("-"):
            if re.fullmatch(r"[a-z]+", word) is None or word not in command.commands:
                return word.isupper() or word.startswith(("/", "…"))
            command = command.commands[word]
            known |= option_names(command)
        elif word.startswith("--") and word.split("=")[0] not in known:
            return False
    return True


def option_names(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts} | {"--help", "--version"}


@cache
def names_in(path: Path) -> frozenset[str]:
    """Of a Python file its functions, classes, constants and Class.method; of an SQL file its queries and tables."""
    if path.suffix == ".sql":
        return frozenset(re.findall(r"(?m)^(?:-- name:|CREATE TABLE) (\w+)", path.read_text()))
    return frozenset(python_names(ast.parse(path.read_text()).body))


def python_names(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield f"{prefix}{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from python_names(node.body, f"{node.name}.")
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (f"{prefix}{target.id}" for target in targets if isinstance(target, ast.Name))
