/** Digests of what is stored and read. */
import { createHash } from "node:crypto";

/** SHA-256 in hexadecimal; of a text, its UTF-8 bytes. */
export function sha256(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}
