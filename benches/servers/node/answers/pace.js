// When the tokens of an answer are due, and what they say: from a seed, to the nanosecond, as every server comes to it. Numbers are
// combined in the order that docs/PROTOCOL.md gives, with operations that IEEE 754 rounds exactly.

import { readFileSync } from 'node:fs';

/** The longest pause, in milliseconds. */
export const LONGEST_PAUSE_MS = 60_000;

/** What answers are made of, by code points, from its start again where it is too short. */
const TEXT = [...readFileSync(new URL('../../tokens.txt', import.meta.url), 'utf8')];
/** Characters of the longest token. */
const LONGEST = 7;
const MASK = (1n << 64n) - 1n;

/** The tokens of an answer without end: `offset`, when each is due after the request in nanoseconds, and its `text`. */
export function* tokens({ seed, firstMs, gaps }) {
  const draw = uniform(BigInt(seed));
  const gap = gaps.recorded ? recorded(gaps.recorded, seed) : () => logNormal(draw, gaps);
  let place = 0;
  let next = firstMs * 1e6;
  for (;;) {
    if (place === TEXT.length) place = 0;
    const end = Math.min(place + 1 + Math.floor(draw() * LONGEST), TEXT.length);
    const text = TEXT.slice(place, end).join('');
    place = end;
    const offset = Math.floor(next);
    next += gap() * 1e6;
    yield { offset, text };
  }
}

function recorded(gaps, seed) {
  let place = seed % gaps.length;
  return () => {
    const gap = gaps[place];
    place = (place + 1) % gaps.length;
    return gap;
  };
}

function logNormal(draw, { meanMs, sigma }) {
  return Math.min(meanMs * exp(sigma * normal(draw) - (sigma * sigma) / 2), LONGEST_PAUSE_MS);
}

/** A normal variable, after Marsaglia. */
function normal(draw) {
  for (;;) {
    const u = 2 * draw() - 1;
    const v = 2 * draw() - 1;
    const s = u * u + v * v;
    if (s > 0 && s < 1) return u * Math.sqrt((-2 * ln(s)) / s);
  }
}

/** Numbers from 0 to 1: SplitMix64. */
function uniform(seed) {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b97f4a7c15n) & MASK;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
    z ^= z >> 31n;
    return Number(z >> 11n) * 2 ** -53;
  };
}

/** For numbers above 0 and not above 1. */
function ln(x) {
  let m = x;
  let k = 0;
  while (m < 0.75) {
    m *= 2;
    k -= 1;
  }
  const z = (m - 1) / (m + 1);
  const square = z * z;
  let sum = 0;
  for (let n = 11; n >= 0; n -= 1) sum = sum * square + 1 / (2 * n + 1);
  return 2 * z * sum + k * Math.LN2;
}

function exp(x) {
  const k = Math.floor(x / Math.LN2 + 0.5);
  const rest = x - k * Math.LN2;
  let sum = 1;
  for (let n = 14; n >= 1; n -= 1) sum = 1 + (sum * rest) / n;
  const factor = k < 0 ? 0.5 : 2;
  for (let times = Math.abs(k); times > 0; times -= 1) sum *= factor;
  return sum;
}
