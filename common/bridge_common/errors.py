"""Every failure the programs know by name.

BridgeError
├─ ConfigError       at start or reload only: file:line, field, value, hint
├─ TransientError    counts an attempt: TargetUnavailable (Overloaded · InMaintenance) · OutcomeUnknown;
│                    RateLimited counts none, bounded by age
├─ NotReady          counts none, bounded by age: DependencyMissing · TargetPaused · AwaitingPayment · QuietPeriod ·
│                    HeldByPolicy, whose rule says for how long
└─ PermanentError    dead at once: InvalidEvent · MappingError · RefusedByFlow · RejectedByTarget · IdentityChanged ·
                     AccessDenied · TakenOver

`hint` names what to do, a command where there is one; `{event}` in it stands for the event's number, which the worker
knows. `exit_code` is what a program ends with when the error reaches its command line (sysexits.h): 78 configuration,
69 unavailable, 77 no permission, 76 another has its place.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How a failure is tried again where a flow file says it: the first pause, the longest, and after how long no more."""

    first_s: float
    most_s: float
    give_up_after_s: float | None = None


class BridgeError(Exception):
    """Base of all. The text is one sentence a person can act on. `pace` is that of the step that failed."""

    exit_code = 70
    pace: Pace | None = None

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def kind(self) -> str:
        return type(self).__name__

    def sentence(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ConfigError(BridgeError):
    exit_code = 78


class TransientError(BridgeError):
    """Worth another attempt, not before `retry_after_s` if the target named one."""

    exit_code = 69

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class TargetUnavailable(TransientError):
    """The request was certainly not executed."""


class Overloaded(TargetUnavailable):
    """The target answered 503: it is there, and has more to do than it can."""


class InMaintenance(TargetUnavailable):
    """The target answered that it is being worked on: it takes nothing from anybody until that is over."""


class RateLimited(TransientError):
    """The target asked for fewer requests; the request was not executed."""


class OutcomeUnknown(TransientError):
    """Sent, and no answer that says: it may have been executed, or may still be.

    `answered`: by an error of the target's own, which leaves the outcome open and yet shows that the target is there.
    """

    def __init__(self, message: str, *, hint: str = "", answered: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.answered = answered


class NotReady(BridgeError):
    """Nothing failed; something else has to happen first. Looked at again after `delay_s`."""

    def __init__(self, message: str, *, hint: str = "", delay_s: float = 2.0) -> None:
        super().__init__(message, hint=hint)
        self.delay_s = delay_s


class DependencyMissing(NotReady):
    pass


class TargetPaused(NotReady):
    pass


class AwaitingPayment(NotReady):
    pass


class HeldByPolicy(NotReady):
    """It may go on, and an operator's `rule` says that it does not yet. Given up when it has waited for `longest_s`."""

    def __init__(self, message: str, *, rule: str, longest_s: float, hint: str = "", delay_s: float = 3600.0) -> None:
        super().__init__(message, hint=hint, delay_s=delay_s)
        self.rule = rule
        self.longest_s = longest_s


class QuietPeriod(NotReady):
    """An unknown outcome waits until the target's own execution limit has passed since sending."""


class PermanentError(BridgeError):
    """`problem` and `pointer` name the cause in a word and by its field, without values: one remedy, one name."""

    def __init__(self, message: str, *, hint: str = "", problem: str = "", pointer: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problem = problem
        self.pointer = pointer


class InvalidEvent(PermanentError):
    pass


class MappingError(PermanentError):
    pass


class Drift(PermanentError):
    """What was posted for good should be otherwise by now: its source has changed."""


class RefusedByFlow(PermanentError):
    """A flow file says that a person has to look at it first."""


class RejectedByTarget(PermanentError):
    """The target understood and refused; `status` is its HTTP status, `entity` what was to be written."""

    def __init__(
        self, message: str, *, hint: str = "", status: int = 0, problem: str = "", pointer: str = "", entity: str = ""
    ) -> None:
        super().__init__(message, hint=hint, problem=problem, pointer=pointer)
        self.status = status
        self.entity = entity


class IdentityChanged(PermanentError):
    """`site` is the one to be held, where the event that shows it is not the site's own."""

    def __init__(self, message: str, *, hint: str = "", site: str = "") -> None:
        super().__init__(message, hint=hint)
        self.site = site


class AccessDenied(PermanentError):
    """Credentials or rights are missing; no retry helps until someone grants them."""

    exit_code = 77


class TakenOver(PermanentError):
    """Another run of the agent has been granted an epoch after ours: it carries on, this one leaves."""

    exit_code = 76
