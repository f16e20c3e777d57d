"""A profile: what one ERP does otherwise than BNG, as data. docs/profiles.md explains every setting.

Every default is BNG's own way, so a profile says only what is different. Names inside the bridge stay BNG's; a profile
acts where requests leave and answers come in, in `wire`, `listing`, `refusals`, `auth` and `announcements`.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bng_bridge.bng.profile_types import DateFormat, Listed, Named, Pointer, TimeFormat, UrlPath, Verb, Zone, template
from bridge_common.config import Section


class Login(Section):
    """`token_path`: OAuth 2.0 client credentials. `key_header`: a fixed header, for an API key."""

    token_path: str = "/oauth/token"  # noqa: S105 # a path
    client: Literal["basic", "form"] = "basic"
    scope: str = ""
    key_header: str = "X-API-Key"
    key_value: Annotated[str, template("key")] = "{key}"


class Paths(Section):
    record: Annotated[str, template("path", "id")] = "{path}/{id}"
    external: Annotated[str, template("path", "external_id")] = "{path}/by-external-id/{external_id}"
    cancel: Annotated[str, template("path", "id")] = "{path}/{id}/cancel"
    reverse: Annotated[str, template("path", "id")] = "{path}/{id}/reverse"


class Size(Section):
    """Of a page: by a query parameter, or by a header with `text`."""

    most: Annotated[int, Field(ge=2, le=1000)] = 100
    parameter: str = "limit"
    header: str = ""
    text: Annotated[str, template("size")] = "{size}"


class Next(Section):
    """How the next page is asked for: a cursor or link from the page before, the number of rows passed, or of pages."""

    by: Literal["cursor", "link", "offset", "page"] = "cursor"
    at: Pointer = "/next_cursor"
    parameter: str = "cursor"
    more: Pointer = ""


class Filters(Section):
    """Each filter its own parameter, all in one expression, or all in one JSON list."""

    by: Literal["parameters", "expression", "json"] = "parameters"
    parameters: dict[str, str] = Field(default_factory=dict)
    parameter: str = "filter"
    equal: Annotated[str, template("field", "value")] = "{field} eq '{value}'"
    since: Annotated[str, template("field", "value")] = "{field} ge {value}"
    together: str = " and "
    quote: str = "'"


class Listing(Section):
    records: Pointer = "/items"
    rows: Literal["full", "ids"] = "full"
    size: Size = Size()
    next: Next = Next()
    filters: Filters = Filters()
    always: dict[str, str] = Field(default_factory=dict)


class ExternalIds(Section):
    look_up: Literal["filter", "path"] = "filter"
    unique: bool = True


class Updates(Section):
    verb: Literal["PATCH", "PUT"] = "PATCH"
    sends: Literal["changes", "whole"] = "changes"


class Answers(Section):
    record: Pointer = ""
    writes: Literal["record", "nothing"] = "record"


class Idempotency(Section):
    """`methods` are those that the ERP honours the key on; none: there are no keys."""

    header: str = "Idempotency-Key"
    methods: tuple[Verb, ...] = ("POST",)
    repeated: Literal["replays", "refuses"] = "replays"
    required: bool = True


class Concurrency(Section):
    check: Literal["if-match", "field", "none"] = "if-match"
    version: Literal["body", "header"] = "body"
    tag: Annotated[str, template("Version")] = '"{Version}"'
    required: bool = False


class Said(Section):
    """How the ERP says one problem: by this status, by this code, or by both together."""

    status: Annotated[int, Field(ge=400, le=599)] | None = None
    code: str = ""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.status is None and not self.code:
            raise ValueError("needs a status, a code, or both")
        return self


class Details(Section):
    """Where the mistakes of single fields are listed."""

    list: Pointer = "/errors"
    pointer: Pointer = "/pointer"
    text: Pointer = "/detail"


class Errors(Section):
    code: Pointer = "/type"
    texts: tuple[Pointer, ...] = ("/detail", "/title")
    details: Details = Details()
    problems: dict[str, Said] = Field(default_factory=dict)


PROBLEMS = (
    "unknown-customer", "duplicate-external-id", "unbalanced-entry", "closed-period", "insufficient-stock", "validation",
    "malformed", "not-found", "unauthorized", "precondition-failed", "version-required", "done-before",
    "idempotency-key-missing", "idempotency-key-in-flight", "idempotency-key-reused", "rate-limited", "unavailable",
)  # fmt: skip
"""BNG's own list, and `done-before`, `version-required` and `unavailable`, which only others have."""


class Limits(Section):
    """`wait_s` counts where the ERP does not say how long to wait."""

    says_when: bool = True
    wait_s: Annotated[float, Field(gt=0)] = 1.0


class Formats(Section):
    amounts: Literal["text", "number"] = "text"
    dates: DateFormat = "%Y-%m-%d"
    times: TimeFormat = "rfc3339"
    zone: Zone = "UTC"


class Signature(Section):
    """HMAC-SHA256, in a header or in the body, over the body as sent or over the text of one part of it."""

    header: str = ""
    field: Pointer = ""
    over: Pointer = ""
    encoding: Literal["base64", "hex", "HEX"] = "base64"

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.header) == bool(self.field):
            raise ValueError("the signature is in either a header or a field of the body")
        if self.field and not self.over:
            raise ValueError("a signature inside the body is over another part of it; set over")
        if self.over.count("/") > 1:
            raise ValueError("over names a part at the top of the body, such as /Content")
        return self


class Subscription(Section):
    """Where the bridge subscribes, and renews before the subscription dies. Fields are names in the ERP's own record."""

    path: str
    id: str = "id"
    url: str = "notificationUrl"
    key: str = "clientState"
    resource: str = "resource"
    resources: tuple[str, ...]
    life_s: Annotated[float, Field(gt=0)] = 259_200


class Webhooks(Section):
    """`kinds` gives the ERP's word for each of BNG's; `{id}` in it is the record's id.

    `content`: `record` names enough of the record to put it into its lane; `key` only says that something changed.
    """

    verify: Literal["standard", "signature", "key", "none"] = "standard"
    signature: Signature | None = None
    key: Pointer = ""
    events: Pointer = ""
    kind: Pointer = "/type"
    data: Pointer = "/data"
    content: Literal["record", "key"] = "record"
    kinds: dict[str, Annotated[str, template("id")]] = Field(default_factory=dict)
    handshake: str = ""
    subscription: Subscription | None = None

    @model_validator(mode="after")
    def _has_what_it_verifies(self) -> Self:
        if (self.verify == "signature") != (self.signature is not None):
            raise ValueError("verify: signature and the signature section belong together")
        if (self.verify == "key") != bool(self.key):
            raise ValueError("verify: key needs key, the pointer to where it stands in an event")
        return self


class FieldRule(Section):
    """`name`: a path with / for what is inside other objects; "" for a part whose fields stand in the record itself."""

    name: str = ""
    fields: dict[str, Annotated["FieldRule", Named]] = Field(default_factory=dict)
    values: dict[str, Annotated[list[str], Listed, Field(min_length=1)]] = Field(default_factory=dict)
    type: Literal["same", "number"] = "same"


class Resource(Section):
    path: str = ""
    fields: dict[str, Annotated[FieldRule, Named]] = Field(default_factory=dict)
    omit: tuple[str, ...] = ()
    always: dict[str, str] = Field(default_factory=dict)


class Profile(Section):
    base_path: UrlPath = "/api/v1"
    login: Login = Login()
    paths: Paths = Paths()
    list: Listing = Listing()
    external_id: ExternalIds = ExternalIds()
    create: Literal["put-if-absent", "put", "post"] = "put-if-absent"
    update: Updates = Updates()
    cancel: Literal["action", "status"] = "action"
    answers: Answers = Answers()
    idempotency: Idempotency = Idempotency()
    concurrency: Concurrency = Concurrency()
    errors: Errors = Errors()
    limits: Limits = Limits()
    formats: Formats = Formats()
    webhooks: Webhooks = Webhooks()
    resources: dict[str, Resource] = Field(default_factory=dict)

    @property
    def guards(self) -> bool:
        """A repeated or late write can do no harm: what exists is not created again, and an old version changes nothing."""
        return self.create == "put-if-absent" and self.concurrency.check != "none"

    def resource(self, name: str) -> Resource:
        return self.resources.get(name, _SAME)

    def path_of(self, name: str) -> str:
        return self.resource(name).path or name

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.create == "put-if-absent" and not self.external_id.unique:
            raise ValueError("create: put-if-absent needs external_id.unique")
        if self.concurrency.required and self.concurrency.check == "none":
            raise ValueError("concurrency.required needs a check")
        return self


_SAME = Resource()
