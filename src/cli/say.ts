/** Writes text without colors to a stream. */
import { printableLines } from "../common/printable.js";

/**
 * Writes a text to a stream, without anything that a terminal would obey. Every command prints with it, because names of files and
 * classes come from other people. Only what has colors of its own is written directly, and its parts are cleaned before.
 */
export function say(stream: NodeJS.WritableStream, text: string): void {
  stream.write(printableLines(text));
}
