"""Records between this server's own names and those of the profile it was started with.

names = Names(profile)
sent = names.outward(CUSTOMER, record)
record = names.inward(CUSTOMER, body)
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from bridge_sandbox.bng import checks
from bridge_sandbox.bng.entities import ENTITIES, PARTS, REFERENCES
from bridge_sandbox.bng.entity import Entity
from bridge_sandbox.bng.fields import pointer
from bridge_sandbox.bng.problems import FieldProblem, invalid
from bridge_sandbox.bng.profile import Profile
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import timestamp

SHAPES = (*(each.shape for each in ENTITIES), *PARTS)
ALL_FIELDS = [item for shape in SHAPES for item in shape.fields.items()]
AMOUNTS = {name for name, field in ALL_FIELDS if field.check in (checks.money, checks.quantity)} | {
    name
    for shape in SHAPES
    for name, schema in shape.ignored.items()
    if schema in (checks.money.gives, checks.quantity.gives)
}
DATES = {name for name, field in ALL_FIELDS if field.check is checks.day}
TIMES = ("CreatedAt", "UpdatedAt")
PREFIXES = {each.id_field: each.prefix for each in ENTITIES} | {name: each.prefix for name, each in REFERENCES.items()}
Rules = Mapping[str, Any]
Path = list[str]
NOTHING: Any = object()


class Names:
    """Of one profile."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        formats = profile["formats"]
        self._amounts_are_numbers = formats["amounts"] == "number"
        self._dates, self._times, self._zone = formats["dates"], formats["times"], ZoneInfo(formats["zone"])

    def rules_of(self, entity: Entity) -> Rules:
        """By own name, how the profile has each field."""
        found: Rules = self._profile.resource(entity.resource).get("fields", {})
        return found

    def omitted(self, entity: Entity) -> list[str]:
        return list(self._profile.resource(entity.resource).get("omit", []))

    def name_of(self, entity: Entity, field: str) -> str:
        """The profile's name of a field of the record itself, as a path with /."""
        return "/".join(path_of(self.rules_of(entity).get(field), field))

    def outward(self, entity: Entity, record: Record) -> Record:
        """As the profile shows it."""
        omitted = self.omitted(entity)
        shown = {name: value for name, value in record.items() if name not in omitted}
        always = self._profile.resource(entity.resource).get("always", {})
        sent = self._object(self.rules_of(entity), shown)
        for path, value in always.items():
            put(sent, path.split("/"), value)
        return sent

    def inward(self, entity: Entity, body: Any, *, is_new: bool = False) -> Any:
        """What a client sent, in own names; what the profile does not know keeps its name, and is refused further in.

        Raises Problem for a new record without the constants that the profile wants in it.
        """
        if not isinstance(body, dict):
            return body
        rest = copy_of(body)
        always = self._profile.resource(entity.resource).get("always", {})
        missing = [path for path, value in always.items() if take(rest, path.split("/")) != value]
        if missing and is_new:
            raise invalid([(f"/{missing[0]}", f"is not {always[missing[0]]!r}")])
        refuse([(name, "there is no such field") for name in self.omitted(entity) if name in body])
        return self._read(self.rules_of(entity), rest, "")

    def value_in(self, entity: Entity, field: str, value: Any) -> str:
        """One value that a client asks for, as it is stored."""
        rule = self.rules_of(entity).get(field)
        return str(self._scalar_in(field, rule if isinstance(rule, dict) else {}, value, ""))

    def time_in(self, text: str) -> str:
        """A time that a client asks for; raises ValueError."""
        if self._times == "rfc3339":
            return text
        at = datetime.strptime(text, self._times)  # noqa: DTZ007 # the zone is set next
        return timestamp(at if at.tzinfo else at.replace(tzinfo=self._zone))

    def pointer_out(self, entity: Entity, own: str) -> str:
        """Where the client finds what is wrong at this pointer into the record."""
        path: Path = []
        rules: Rules = self.rules_of(entity)
        for step in steps(own):
            rule = rules.get(step)
            path += [step] if step.isdecimal() else path_of(rule, step)
            rules = rules if step.isdecimal() else inner_rules(rule)
        return "".join(pointer(step) for step in path)

    def _object(self, rules: Rules, record: Record) -> Record:
        sent: Record = {}
        for name, value in record.items():
            rule = rules.get(name)
            inner = inner_rules(rule)
            path = path_of(rule, name)
            if isinstance(value, list) and value and isinstance(value[0], dict):
                put(sent, path, [self._object(inner, each) for each in value])
            elif not path:
                for key, flat in self._object(inner, value or dict.fromkeys(inner)).items():
                    put(sent, [key], flat)
            elif isinstance(value, dict):
                put(sent, path, self._object(inner, value))
            else:
                put(sent, path, self._scalar_out(name, rule if isinstance(rule, dict) else {}, value))
        return sent

    def _scalar_out(self, name: str, rule: Rules, value: Any) -> Any:
        is_number = rule.get("type") == "number"
        if value is None:
            return None
        if words := rule.get("values"):
            word = listed(words[str(value)])[0]
            return Decimal(word) if is_number else word
        if name in DATES:
            return datetime.fromisoformat(value).replace(tzinfo=UTC).strftime(self._dates)
        if name in TIMES and self._times != "rfc3339":
            return datetime.fromisoformat(value).astimezone(self._zone).strftime(self._times)
        if name in PREFIXES and is_number:
            return int(value.rpartition("-")[2])
        return Decimal(value) if name in AMOUNTS and (self._amounts_are_numbers or is_number) else value

    def _read(self, rules: Rules, rest: Record, at: str) -> Record:
        """The whole object: what the rules name, and the rest under the names it has."""
        found = self._named(rules, rest, at)
        return found | {name: self._value(name, None, value, f"{at}/{name}") for name, value in rest.items()}

    def _named(self, rules: Rules, rest: Record, at: str) -> Record:
        """Takes out of `rest` what the rules name."""
        found: Record = {}
        taken = [(name, rule, take(rest, path_of(rule, name))) for name, rule in rules.items() if path_of(rule, name)]
        for name, rule, value in taken:
            if value is not NOTHING:
                found[name] = self._value(name, rule, value, "/".join([at, *path_of(rule, name)]))
        for name, rule in rules.items():
            if not path_of(rule, name):
                part = self._named(inner_rules(rule), rest, at)
                found |= {name: part} if any(value is not None for value in part.values()) else {}
        return found

    def _value(self, name: str, rule: Any, value: Any, at: str) -> Any:
        inner = inner_rules(rule)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return [self._read(inner, copy_of(each), f"{at}/{number}") for number, each in enumerate(value)]
        if isinstance(value, dict):
            return self._read(inner, copy_of(value), at)
        return self._scalar_in(name, rule if isinstance(rule, dict) else {}, value, at)

    def _scalar_in(self, name: str, rule: Rules, value: Any, at: str) -> Any:
        if value is None:
            return None
        if words := rule.get("values"):
            return self._own_word(words, value, at)
        wants_number = name in AMOUNTS and (self._amounts_are_numbers or rule.get("type") == "number")
        if wants_number or (name in PREFIXES and rule.get("type") == "number"):
            refuse([(at, "is not a number")] if not isinstance(value, int | Decimal) and at else [])
        if name in PREFIXES and rule.get("type") == "number":
            return f"{PREFIXES[name]}-{value}"
        if name in DATES and self._dates != "%Y-%m-%d":
            return self._day_in(value, at)
        return value

    def _own_word(self, words: Mapping[str, Any], value: Any, at: str) -> Any:
        own = [number for number, theirs in words.items() if str(value) in listed(theirs)]
        refuse([] if own else [(at, f"{value!r} is not one of the values")])
        return int(own[0]) if own[0].isdecimal() else own[0]

    def _day_in(self, value: Any, at: str) -> str:
        try:
            return datetime.strptime(value, self._dates).replace(tzinfo=UTC).date().isoformat()
        except (ValueError, TypeError):
            raise invalid([(at, f"is not a date {self._dates}")]) from None


def path_of(rule: Any, name: str) -> Path:
    """Where the profile has a field; empty for one whose parts stand in the record itself."""
    if rule is None:
        return [name]
    if isinstance(rule, str):
        return rule.split("/")
    if "name" in rule:
        return str(rule["name"]).split("/")
    return [] if "fields" in rule else [name]


def inner_rules(rule: Any) -> Rules:
    """For the parts of a field."""
    return rule.get("fields", {}) if isinstance(rule, dict) else {}


def listed(words: Any) -> list[str]:
    """One word, or several."""
    return words if isinstance(words, list) else [words]


def refuse(errors: list[FieldProblem]) -> None:
    """Raise Problem if there are any."""
    if errors:
        raise invalid(errors)


def put(record: Record, path: Path, value: Any) -> None:
    """Set what is at the end of the path."""
    for step in path[:-1]:
        record = record.setdefault(step, {})
    record[path[-1]] = value


def take(record: Record, path: Path) -> Any:
    """Remove and return what is at the end of the path, NOTHING if nothing is; objects that become empty go, too."""
    if path[0] not in record:
        return NOTHING
    if len(path) == 1:
        return record.pop(path[0])
    if not isinstance(record[path[0]], dict):
        return NOTHING
    value = take(record[path[0]], path[1:])
    if not record[path[0]]:
        del record[path[0]]
    return value


def copy_of(body: Any) -> Any:
    """Deep, of JSON."""
    if isinstance(body, dict):
        return {name: copy_of(value) for name, value in body.items()}
    return [copy_of(each) for each in body] if isinstance(body, list) else body


def steps(pointer_text: str) -> Iterator[str]:
    """Of a JSON pointer."""
    return (step.replace("~1", "/").replace("~0", "~") for step in pointer_text.split("/")[1:])
