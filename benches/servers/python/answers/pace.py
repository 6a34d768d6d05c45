"""When the tokens of an answer are due, and what they say: from a seed, to the nanosecond, as every server comes to it.

Numbers are combined in the order that docs/PROTOCOL.md gives, with operations that IEEE 754 rounds exactly.
"""

import math
from pathlib import Path

# The longest pause, in milliseconds.
LONGEST_PAUSE_MS = 60_000
# What answers are made of, by code points, from its start again where it is too short.
TEXT = (Path(__file__).parent.parent.parent / "tokens.txt").read_bytes().decode()
# Characters of the longest token.
LONGEST = 7
MASK = (1 << 64) - 1
LN_2 = math.log(2)


def tokens(seed, first_ms, gaps):
    """The tokens of an answer without end: when each is due after the request, in nanoseconds, and its text."""
    draw = uniform(seed)
    recorded = gaps.get("recorded")
    place, next_ns, nth = 0, first_ms * 1e6, seed
    while True:
        if place == len(TEXT):
            place = 0
        end = min(place + 1 + math.floor(draw() * LONGEST), len(TEXT))
        text, place = TEXT[place:end], end
        offset = math.floor(next_ns)
        if recorded:
            gap_ms = recorded[nth % len(recorded)]
            nth += 1
        else:
            sigma = gaps["sigma"]
            gap_ms = min(gaps["mean_ms"] * exp(sigma * normal(draw) - sigma * sigma / 2), LONGEST_PAUSE_MS)
        next_ns += gap_ms * 1e6
        yield offset, text


def normal(draw):
    """A normal variable, after Marsaglia."""
    while True:
        u = 2 * draw() - 1
        v = 2 * draw() - 1
        s = u * u + v * v
        if 0 < s < 1:
            return u * math.sqrt(-2 * ln(s) / s)


def uniform(seed):
    """Numbers from 0 to 1: SplitMix64."""
    state = seed

    def draw():
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return ((z ^ (z >> 31)) >> 11) * 2.0**-53

    return draw


def ln(x):
    """For numbers above 0 and not above 1."""
    m, k = x, 0.0
    while m < 0.75:
        m *= 2
        k -= 1
    z = (m - 1) / (m + 1)
    square = z * z
    total = 0.0
    for n in range(11, -1, -1):
        total = total * square + 1 / (2 * n + 1)
    return 2 * z * total + k * LN_2


def exp(x):
    """The exponential function, for numbers up to some hundreds."""
    k = math.floor(x / LN_2 + 0.5)
    rest = x - k * LN_2
    total = 1.0
    for n in range(14, 0, -1):
        total = 1 + total * rest / n
    for _ in range(abs(k)):
        total *= 0.5 if k < 0 else 2
    return total
