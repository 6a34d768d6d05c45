"""What a request for an answer with a pace asks for."""

import json
from typing import Any, NamedTuple

from .pace import LONGEST_PAUSE_MS

# Larger requests are refused: a context that is sent again.
MAX_ASK = 4 << 20
# The longest answer, in tokens.
MOST_TOKENS = 100_000
# The most recorded pauses.
MOST_GAPS = 4096
MOST_SIGMA = 3
MOST = (1 << 64) - 1


class BadAsk(Exception):
    """A request that breaks the contract."""


class Ask(NamedTuple):
    """A request for one answer."""

    stream: bool
    prompt: str
    tokens: int
    answer: int
    asked: int
    seed: int
    first_ms: float
    gaps: dict[str, Any]
    # Name of the context, and whether it may be forgotten after this answer.
    session: tuple[int, bool] | None


def asked(body):
    """What the JSON of a request asks for; None where it has no pace."""
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise BadAsk(str(error)) from error
    if not isinstance(fields, dict) or fields.get("pace") is None:
        return None
    pace = obj("pace", fields["pace"])
    session = fields.get("session")
    if session is not None:
        session = (whole("id", obj("session", session).get("id"), 0), flag("last", session.get("last", False)))
    prompt = fields.get("prompt", "")
    if not isinstance(prompt, str):
        raise BadAsk("prompt must be a string")
    return Ask(
        stream=flag("stream", fields.get("stream", False)),
        prompt=prompt,
        tokens=whole("tokens", fields.get("tokens"), 1, MOST_TOKENS),
        answer=whole("answer", pace.get("answer"), 0),
        asked=whole("asked", pace.get("asked"), 0),
        seed=whole("seed", pace.get("seed"), 0),
        first_ms=number("first_ms", pace.get("first_ms"), LONGEST_PAUSE_MS),
        gaps=gaps_of(obj("gaps", pace.get("gaps"))),
        session=session,
    )


def gaps_of(gaps):
    if list(gaps) == ["recorded-ms"]:
        recorded = gaps["recorded-ms"]
        if not isinstance(recorded, list) or not 1 <= len(recorded) <= MOST_GAPS:
            raise BadAsk(f"gaps must be a list of 1 to {MOST_GAPS} pauses")
        return {"recorded": [number("each of gaps", gap, LONGEST_PAUSE_MS) for gap in recorded]}
    if list(gaps) != ["log-normal"]:
        raise BadAsk("gaps must be log-normal or recorded-ms")
    fields = obj("log-normal", gaps["log-normal"])
    return {
        "mean_ms": number("mean_ms", fields.get("mean_ms"), LONGEST_PAUSE_MS),
        "sigma": number("sigma", fields.get("sigma"), MOST_SIGMA),
    }


def obj(name, value):
    if not isinstance(value, dict):
        raise BadAsk(f"{name} must be an object of JSON")
    return value


def flag(name, value):
    if not isinstance(value, bool):
        raise BadAsk(f"{name} must be true or false")
    return value


def whole(name, value, least, most=MOST):
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadAsk(f"{name} must be a whole number from {least} to {most}, not {json.dumps(value)}")
    return value


def number(name, value, most):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        raise BadAsk(f"{name} must be a number from 0 to {most}, not {json.dumps(value)}")
    return value
