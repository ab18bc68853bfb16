/**
 * Encodes TensorBoard's event files: records with checksums, each of which is a message of Protocol Buffers.
 * The messages are `Event` and `Summary` of tensorboard/compat/proto; only the fields that fslc writes are here.
 */

/** The polynomial of CRC-32C, in reflected order. */
const polynomial = 0x82f63b78;
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ polynomial : rest >>> 1;
  return rest;
});

/** Returns the CRC-32C of some bytes, rotated and shifted as TensorFlow's records have it. */
export function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (table[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Returns a record: the length of the message and the message, each followed by its checksum. */
function record(message: Uint8Array): Buffer {
  const made = Buffer.alloc(message.length + 16);
  made.writeBigUInt64LE(BigInt(message.length));
  made.writeUInt32LE(maskedCrc(made.subarray(0, 8)), 8);
  made.set(message, 12);
  made.writeUInt32LE(maskedCrc(message), 12 + message.length);
  return made;
}

/** Returns the first record of a file. `seconds` is a time since the epoch. */
export function versionRecord(seconds: number): Buffer {
  return record(Buffer.concat([double(1, seconds), bytes(3, Buffer.from("brain.Event:2"))]));
}

/** Returns the record of one number under a tag at a step. */
export function scalarRecord(seconds: number, step: number, tag: string, value: number): Buffer {
  const number = Buffer.concat([bytes(1, Buffer.from(tag)), float(2, value)]);
  return record(Buffer.concat([double(1, seconds), integer(2, step), bytes(5, bytes(1, number))]));
}

/** The kinds of fields of Protocol Buffers, by their numbers in a key. */
const wire = { integer: 0, double: 1, bytes: 2, float: 5 } as const;

const key = (field: number, kind: keyof typeof wire): Buffer => varint(8 * field + wire[kind]);

function varint(value: number): Buffer {
  const parts: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) parts.push((rest % 128) + 128);
  return Buffer.from([...parts, rest]);
}

function integer(field: number, value: number): Buffer {
  return Buffer.concat([key(field, "integer"), varint(value)]);
}

function double(field: number, value: number): Buffer {
  const number = Buffer.alloc(8);
  number.writeDoubleLE(value);
  return Buffer.concat([key(field, "double"), number]);
}

function float(field: number, value: number): Buffer {
  const number = Buffer.alloc(4);
  number.writeFloatLE(value);
  return Buffer.concat([key(field, "float"), number]);
}

function bytes(field: number, content: Uint8Array): Buffer {
  return Buffer.concat([key(field, "bytes"), varint(content.length), content]);
}
