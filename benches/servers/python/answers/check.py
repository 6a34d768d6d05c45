"""Holds the tokens of this server against the vectors of the contract: python -m answers.check, in the folder above."""

import json
from pathlib import Path

from .answer import message
from .ask import asked
from .pace import tokens

VECTORS = Path(__file__).parent.parent.parent / "tokens.json"


def check():
    """Raises AssertionError where a token is another, or due at another time."""
    vectors = json.loads(VECTORS.read_text())
    assert len(vectors) >= 5
    for vector in vectors:
        ask = asked(json.dumps({"tokens": 1, "pace": vector["pace"]}))
        made = tokens(ask.seed, ask.first_ms, ask.gaps)
        told, (far, time) = vector["tokens"], vector["far"]
        for nth in range(far):
            offset, text = next(made)
            if nth < len(told):
                assert [offset, text] == told[nth], (vector["pace"], nth, offset, text)
        assert offset == time, (vector["pace"], far, offset)
    expected = b'{"seq":         1,"intended":     1234567890123,"published":     1234567890456,"crc":1377326394,"data":"hello"}'
    assert message(1, 1234567890123, 1234567890456, "hello") == expected


if __name__ == "__main__":
    check()
    print("as the contract says")
