// A token in its envelope, byte for byte as in the first section of docs/PROTOCOL.md.

const HEAD = Buffer.alloc(24);

/** The text of a message; `intended` and `published` are BigInts of nanoseconds. */
export function message(seq, intended, published, data) {
  HEAD.writeBigUInt64LE(BigInt(seq), 0);
  HEAD.writeBigUInt64LE(intended, 8);
  HEAD.writeBigUInt64LE(published, 16);
  const crc = (crc32(Buffer.from(data), crc32(HEAD, ~0)) ^ ~0) >>> 0;
  return (
    `{"seq":${pad(seq, 10)},"intended":${pad(intended, 18)},"published":${pad(published, 18)},` +
    `"crc":${pad(crc, 10)},"data":"${data}"}`
  );
}

function pad(number, width) {
  return `${number}`.padStart(width);
}

const TABLE = Int32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes, crc) {
  let value = crc;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return value;
}
