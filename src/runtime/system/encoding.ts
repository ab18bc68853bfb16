/** Recognizes bytes that are no text in UTF-8, and names what they are. */

const binary = "a binary file";

/** Names the encoding that bytes seem to have, in words that follow "it is", or returns undefined for UTF-8. */
export function foreignEncoding(bytes: Uint8Array): string | undefined {
  const [a, b, c, d] = bytes;
  if ((a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0 && c === 0xfe && d === 0xff))
    return "UTF-32";
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) return "UTF-16";
  if (bytes.includes(0)) return withZeros(bytes);
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return undefined;
  } catch {
    const control = bytes.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d);
    return control ? binary : "in Latin-1 or another encoding of one byte a letter";
  }
}

/** Names the encoding of bytes with zeros, by the share of them: Latin letters have one zero in UTF-16 and three in UTF-32. */
function withZeros(bytes: Uint8Array): string {
  const sample = bytes.subarray(0, 4096);
  const share = sample.reduce((zeros, byte) => zeros + Number(byte === 0), 0) / sample.length;
  if (share > 0.7) return "UTF-32";
  return share > 0.35 && share < 0.55 ? "UTF-16" : binary;
}
