"""PURE. Every kind of error that a program is answered with, as RFC 9457 has them: its name, what it means, what to do.

Guarantee: a name that was given once keeps its meaning. It is what a program decides by; the words beside it are for
people and may change. docs/api.md lists all of them, from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

_NAMES: Final = "urn:pumpwatch:problem:"


@dataclass(frozen=True, slots=True)
class _About:
    status: int
    heading: str
    means: str
    to_do: str


class ProblemType(StrEnum):
    """What went wrong. Several may have one status."""

    BROKEN_REQUEST = "broken-request"
    NOT_SIGNED_IN = "not-signed-in"
    NOT_ALLOWED = "not-allowed"
    NO_FORM_TOKEN = "no-form-token"  # noqa: S105 # nosec B105
    FROM_ANOTHER_SITE = "from-another-site"
    GATEWAYS_CLOSED = "gateways-closed"
    NO_SUCH_PATH = "no-such-path"
    NOT_THERE = "not-there"
    UNKNOWN_CLINIC = "unknown-clinic"
    WRONG_METHOD = "wrong-method"
    NOT_ACCEPTABLE = "not-acceptable"
    TOO_SLOW = "too-slow"
    CANNOT_BE_DONE = "cannot-be-done"
    RIGHTS_CHANGED = "rights-changed"
    TOO_LARGE = "too-large"
    NOT_JSON = "not-json"
    NOT_UNDERSTOOD = "not-understood"
    TOO_MANY_WRONG_KEYS = "too-many-wrong-keys"
    FAULT = "fault"
    DATABASE_AWAY = "database-away"
    NOT_STORED = "not-stored"
    TOO_MANY_OPEN = "too-many-open"

    @property
    def uri(self) -> str:
        """What stands in `type`: a name, and no address, as each site has an address of its own."""
        return _NAMES + self.value

    @property
    def status(self) -> int:
        """The status of the answer."""
        return ABOUT[self].status

    @property
    def heading(self) -> str:
        """What stands in `title`: the same in a few words, always the same."""
        return ABOUT[self].heading

    @property
    def means(self) -> str:
        """In a sentence."""
        return ABOUT[self].means

    @property
    def to_do(self) -> str:
        """What a program, or whoever runs it, does about it."""
        return ABOUT[self].to_do


ABOUT: Final[Mapping[ProblemType, _About]] = {
    ProblemType.BROKEN_REQUEST: _About(
        400,
        "The request is broken",
        "The body ended early, or is no text.",
        "Send it whole, as JSON in UTF-8.",
    ),
    ProblemType.NOT_SIGNED_IN: _About(
        401,
        "No key and no session",
        "There is no key, none that is good now, and nobody is signed in.",
        "Send `Authorization: Bearer KEY`. A key that has ended is replaced with `pumpwatch keys create`.",
    ),
    ProblemType.NOT_ALLOWED: _About(
        403,
        "Not allowed",
        "The key has not the scope, or the person not the role, that this takes; `detail` names it.",
        "Ask whoever gives out keys and roles.",
    ),
    ProblemType.NO_FORM_TOKEN: _About(
        403,
        "The session's form token is missing",
        "A session changes something only with the token of its forms, so that no other site acts in its name.",
        "Programs use a key, which needs no such token.",
    ),
    ProblemType.FROM_ANOTHER_SITE: _About(
        403,
        "Sent by another site",
        "A browser says that a page of another site sent this.",
        "Programs send no `Origin` and no `Sec-Fetch-Site`.",
    ),
    ProblemType.GATEWAYS_CLOSED: _About(
        403,
        "This way in is closed",
        "Ingest takes nothing by HTTP, as no gateway token is set.",
        "Whoever runs it sets `INGEST_GATEWAY_TOKEN`. Until then keep the events.",
    ),
    ProblemType.NO_SUCH_PATH: _About(
        404,
        "No such path",
        "Nothing is at this address.",
        "Look the address up in the published description.",
    ),
    ProblemType.NOT_THERE: _About(
        404,
        "Not there",
        "There is no such alert, silence or pump, or it is not the caller's to see.",
        "Read the list again. What one may not see answers as what is not there.",
    ),
    ProblemType.UNKNOWN_CLINIC: _About(
        404,
        "Unknown clinic",
        "The clinic of a list is not there, or is not the caller's to see; `detail` names those that are.",
        "Correct the name. It is never answered with an empty list, which would look like a calm ward.",
    ),
    ProblemType.WRONG_METHOD: _About(
        405,
        "Wrong method",
        "The address takes other methods; the header `Allow` names them.",
        "Use one of those.",
    ),
    ProblemType.NOT_ACCEPTABLE: _About(
        406,
        "Nothing that you accept",
        "`Accept` leaves out the one form that there is; `detail` names it.",
        "Accept that, or send no `Accept`.",
    ),
    ProblemType.TOO_SLOW: _About(
        408,
        "The request came too slowly",
        "The body was not whole in time.",
        "Send it again.",
    ),
    ProblemType.CANNOT_BE_DONE: _About(
        409,
        "It cannot be done as things are",
        "Somebody else has the alert, it is closed, the policy does not allow it, or the like; `detail` says which.",
        "Read it again, and show a person why. The same request again is answered the same.",
    ),
    ProblemType.RIGHTS_CHANGED: _About(
        409,
        "Rights have changed meanwhile",
        "Who asks sees other clinics by now than when the request began.",
        "Ask again.",
    ),
    ProblemType.TOO_LARGE: _About(
        413,
        "Too large",
        "The body is larger than is taken; `detail` names the limit.",
        "Send less at once.",
    ),
    ProblemType.NOT_JSON: _About(
        415,
        "The body is not JSON",
        "A body came whose `Content-Type` is not JSON, or that has none.",
        "Send `Content-Type: application/json`.",
    ),
    ProblemType.NOT_UNDERSTOOD: _About(
        422,
        "Not understood",
        "A parameter or a field is unknown, is there twice, or has a value that cannot be; `errors` names each.",
        "Correct it. Nothing is passed over in silence: a filter that were would show what nobody asked for.",
    ),
    ProblemType.TOO_MANY_WRONG_KEYS: _About(
        429,
        "Too many wrong keys",
        "So many wrong keys came from this network that none is looked at for a while.",
        "Wait for the seconds of `Retry-After`, and find the program that has a wrong key.",
    ),
    ProblemType.FAULT: _About(
        500,
        "A fault of Pumpwatch",
        "Something went wrong that nobody thought of. It says nothing about any pump.",
        "Tell whoever runs Pumpwatch the `instance`: the log has it.",
    ),
    ProblemType.DATABASE_AWAY: _About(
        503,
        "The database cannot be reached",
        "Nothing can be read or done now. It says nothing about any pump.",
        "Try again after `Retry-After`. The alert worker pages on; use the backup procedure.",
    ),
    ProblemType.NOT_STORED: _About(
        503,
        "Not stored",
        "Ingest could not store the events now, as far as it knows.",
        "Keep them, and send the same again after `Retry-After`: what was stored all the same is stored once.",
    ),
    ProblemType.TOO_MANY_OPEN: _About(
        503,
        "Too many are open",
        "As many boards are kept true as can be.",
        "Read the page again now and then.",
    ),
}
"""What each is, in words."""

_OF_STATUS: Final[Mapping[int, ProblemType]] = {
    400: ProblemType.BROKEN_REQUEST,
    401: ProblemType.NOT_SIGNED_IN,
    403: ProblemType.NOT_ALLOWED,
    404: ProblemType.NO_SUCH_PATH,
    405: ProblemType.WRONG_METHOD,
    406: ProblemType.NOT_ACCEPTABLE,
    408: ProblemType.TOO_SLOW,
    409: ProblemType.CANNOT_BE_DONE,
    413: ProblemType.TOO_LARGE,
    415: ProblemType.NOT_JSON,
    422: ProblemType.NOT_UNDERSTOOD,
    429: ProblemType.TOO_MANY_WRONG_KEYS,
    503: ProblemType.DATABASE_AWAY,
}


def type_of_status(status: int) -> ProblemType:
    """What is meant where only a status is known, as the framework has it; a fault of ours where that says nothing."""
    return _OF_STATUS.get(status, ProblemType.FAULT)


class FieldFault(BaseModel):
    """One thing that was wrong, and where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    detail: str = Field(description="What was wrong, and what was expected.")
    parameter: str | None = Field(None, description="The parameter of the address it is about.")
    pointer: str | None = Field(
        None, description="Where in the body it is: a JSON Pointer as a fragment (RFC 6901), such as `#/note`."
    )


class Problem(BaseModel):
    """An error (RFC 9457). Decide by `type`; the words are for people. More members may come: pass over those."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(
        description="What went wrong: one of these names, each explained in docs/api.md.",
        json_schema_extra={"enum": [each.uri for each in ProblemType]},
    )
    title: str = Field(description="The same in a few words; always the same for one type.")
    status: int = Field(description="The status of the answer.", ge=400, le=599)
    detail: str = Field(description="What was wrong this time, and what was expected.")
    instance: str | None = Field(None, description="This one time, where the log of the server has it by that name.")
    errors: tuple[FieldFault, ...] | None = Field(
        None, description="Each thing that was wrong, where the request was not understood."
    )
