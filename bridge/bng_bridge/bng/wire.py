"""Records between BNG's names and the ERP's: the one place where fields are renamed and values rewritten.

For a resource that a profile leaves as BNG has it, nothing is copied: what goes in comes out.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from bng_bridge.bng.fields import ID_FIELDS, IDS, RESOURCES, inner
from bng_bridge.bng.profile import FieldRule, Formats, Profile
from bng_bridge.mapping.money import text as money_text
from bng_bridge.mapping.shapes import Shape
from bridge_common import decimal_json
from bridge_common.clock import from_text, to_text
from bridge_common.errors import MappingError

Record = dict[str, Any]
Convert = Callable[[Any], Any]

_BNGS_OWN_FORMATS = Formats()
_AS_IS = FieldRule()


class Wire:
    """Of one profile. `outward` is for what is sent, `inward` for what was answered."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._shapes = {name: _shape_of(profile, name) for name in RESOURCES}
        self.time = _Time(profile.formats)

    def outward(self, resource: str, record: Record, *, is_new: bool = False) -> Record:
        """The record as the ERP wants it. Raises MappingError for a value that the profile has no word for."""
        shape = self._shapes[resource]
        if shape is None:
            return record
        omitted = self._profile.resource(resource).omit
        sent = shape.outward({name: value for name, value in record.items() if name not in omitted})
        for path, value in self._profile.resource(resource).always.items() if is_new else ():
            _put(sent, tuple(path.split("/")), value)
        return sent

    def inward(self, resource: str, record: Record) -> Record:
        """The record in BNG's names. One without a version has one made of its content, so that changes are told apart."""
        found = self.inward_part(resource, record)
        if "Version" not in found:
            found["Version"] = hashlib.sha256(decimal_json.canonical(record).encode()).hexdigest()[:16]
        return found

    def inward_part(self, resource: str, record: Record) -> Record:
        """The same for what holds only a few of the fields, as a webhook does."""
        shape = self._shapes[resource]
        return record if shape is None else shape.inward(record)

    def id_of(self, resource: str, record: Record) -> str:
        """Of a row as the ERP lists it. Raises MappingError for one without."""
        found = self.inward_part(resource, record).get(ID_FIELDS[resource])
        if found is None:
            raise MappingError(f"BNG lists {resource} without {self.name_of(resource, ID_FIELDS[resource])}")
        return str(found)

    def has_id(self, resource: str, record: Record) -> bool:
        return ID_FIELDS[resource] in self.inward_part(resource, record)

    def name_of(self, resource: str, field: str) -> str:
        """The ERP's name of a field, as a path with /."""
        return self._profile.resource(resource).fields.get(field, _AS_IS).name or field

    def value_of(self, resource: str, field: str, value: str) -> Any:
        """One value as the ERP writes it in this field."""
        shape = self._shapes[resource]
        return value if shape is None else shape.value_of(field, value)


def _shape_of(profile: Profile, name: str) -> "_Shape | None":
    """None where nothing differs from BNG."""
    resource = profile.resource(name)
    if not (resource.fields or resource.omit or resource.always) and profile.formats == _BNGS_OWN_FORMATS:
        return None
    return _Shape(RESOURCES[name], resource.fields, profile.formats)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the ERP has one of BNG's fields, and how a value is written there and read from there."""

    path: tuple[str, ...]
    write: Convert
    read: Convert


class _Shape:
    """An object's fields; `inner` are its parts, those without a path with their fields in this very object."""

    def __init__(self, shape: Shape, rules: Mapping[str, FieldRule], formats: Formats) -> None:
        self._places: dict[str, _Place] = {}
        self._inner: dict[str, tuple[tuple[str, ...], bool, _Shape]] = {}
        for name, field in shape.fields.items():
            rule = rules.get(name, _AS_IS)
            part, many = inner(field), field.kind == "list"
            if part is None:
                path = tuple((rule.name or name).split("/"))
                self._places[name] = _Place(path, *_converters(name, field.kind, rule, formats))
                continue
            stands_apart = many or rule.name or not rule.fields
            path = tuple((rule.name or name).split("/")) if stands_apart else ()
            self._inner[name] = path, many, _Shape(part, rule.fields, formats)
        self._claimed = set(self._names())

    def outward(self, record: Record) -> Record:
        sent: Record = {}
        for name, value in record.items():
            if name in self._inner:
                path, many, shape = self._inner[name]
                if many:
                    _put(sent, path, [shape.outward(each) for each in value or []])
                elif path:
                    _put(sent, path, value and shape.outward(value))
                else:
                    _merge(sent, shape.outward(value or {}))
            elif name in self._places:
                place = self._places[name]
                _put(sent, place.path, None if value is None else place.write(value))
            else:
                sent[name] = value
        return sent

    def inward(self, record: Record) -> Record:
        """What the profile does not know of keeps its name."""
        found = {name: value for name, value in record.items() if name not in self._claimed}
        for name, place in self._places.items():
            value = _get(record, place.path)
            if value is not _MISSING:
                found[name] = None if value is None else place.read(value)
        for name, (path, many, shape) in self._inner.items():
            value = _get(record, path) if path else shape.own_part(record)
            if value is not _MISSING:
                found[name] = [shape.inward(each) for each in value or []] if many else value and shape.inward(value)
        return found

    def own_part(self, record: Record) -> Any:
        """What the record around has of this part."""
        part = {name: record[name] for name in self._claimed if name in record}
        return part or _MISSING

    def value_of(self, field: str, value: str) -> Any:
        return self._places[field].write(value) if field in self._places else value

    def owns(self) -> set[str]:
        """The names at the top of the ERP's record that belong to a field of BNG's."""
        return self._claimed

    def _names(self) -> Iterator[str]:
        yield from (place.path[0] for place in self._places.values())
        for path, _, shape in self._inner.values():
            yield from path[:1] or shape.owns()


def _converters(name: str, kind: str, rule: FieldRule, formats: Formats) -> tuple[Convert, Convert]:
    """(how BNG's value is written, how the ERP's is read)."""
    if rule.values:
        return _words(name, kind, rule)
    if kind in ("money", "quantity"):
        write = _number if "number" in (formats.amounts, rule.type) else _same
        return write, _money_from if kind == "money" else _quantity_from
    if kind == "time":
        time = _Time(formats)
        return time.write, time.read
    if kind == "date":
        return _date_writer(formats.dates), _date_reader(formats.dates)
    read: Convert = str if name in IDS else _same
    return (_number if rule.type == "number" else _same), read


def _words(name: str, kind: str, rule: FieldRule) -> tuple[Convert, Convert]:
    """Of several words for one value the first is written and all are read. A word that is not known stays as it is."""
    typed = _number if rule.type == "number" else _same
    written = {value: typed(words[0]) for value, words in rule.values.items()}
    known = {word: int(value) if kind == "integer" else value for value, words in rule.values.items() for word in words}

    def write(value: Any) -> Any:
        if str(value) not in written:
            raise MappingError(
                f"the profile has no word for {name} {value}",
                hint=f"Add it to the values of {name} in the profile, restart, then bridgectl dlq retry {{event}}.",
            )
        return written[str(value)]

    return write, lambda value: known.get(str(value), value)


class _Time:
    """Times as the ERP writes them. A format without an offset is in the profile's zone."""

    def __init__(self, formats: Formats) -> None:
        self._format = formats.times
        self._zone = ZoneInfo(formats.zone)

    def write(self, text: str) -> str:
        if self._format == "rfc3339":
            return text
        return from_text(text).astimezone(self._zone).strftime(self._format)

    def read(self, text: str) -> str:
        """Raises MappingError for what is no time in the profile's format."""
        try:
            if self._format == "rfc3339":
                return to_text(from_text(text))
            moment = datetime.strptime(text, self._format)  # noqa: DTZ007 # the zone is set next
        except (ValueError, TypeError) as error:
            raise MappingError(f"BNG says {text!r}, which is no time of the form {self._format}") from error
        return to_text(moment if moment.tzinfo else moment.replace(tzinfo=self._zone))


def _date_writer(form: str) -> Convert:
    if form == "%Y-%m-%d":
        return _same
    return lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC).strftime(form)


def _date_reader(form: str) -> Convert:
    if form == "%Y-%m-%d":
        return _same

    def read(text: str) -> str:
        """Raises MappingError for what is no date in the profile's format."""
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).date().isoformat()
        except (ValueError, TypeError) as error:
            raise MappingError(f"BNG says {text!r}, which is no date of the form {form}") from error

    return read


def _number(value: Any) -> Any:
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise MappingError(f"{value!r} is no number, and the profile wants one there") from error
    return int(number) if number == number.to_integral_value() and "." not in str(value) else number


def _money_from(value: Any) -> Any:
    return money_text(Decimal(value)) if isinstance(value, int | Decimal) else value


def _quantity_from(value: Any) -> Any:
    return f"{Decimal(value).normalize() + 0:f}" if isinstance(value, int | Decimal) else value


def _same(value: Any) -> Any:
    return value


_MISSING: Any = object()


def _get(record: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if not isinstance(record, dict) or part not in record:
            return _MISSING
        record = record[part]
    return record


def _put(record: Record, path: tuple[str, ...], value: Any) -> None:
    for part in path[:-1]:
        record = record.setdefault(part, {})
    record[path[-1]] = value


def _merge(record: Record, part: Record) -> None:
    for name, value in part.items():
        if isinstance(value, dict) and isinstance(record.get(name), dict):
            _merge(record[name], value)
        else:
            record[name] = value
