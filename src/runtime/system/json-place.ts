/** Finds the place of a value in the text of a JSON file, for messages that point at it. */

/** Describes the error of `JSON.parse`. The message of the error itself would show a part of the file, which may be any file. */
export function notJson(text: string, error: unknown): string {
  const [, at] = /JSON at position (\d+)/.exec(error instanceof Error ? error.message : "") ?? [];
  if (at === undefined) return "it is not JSON";
  const before = text.slice(0, Number(at)).split("\n");
  return `it is not JSON, from line ${before.length}, column ${(before.at(-1) ?? "").length + 1} on`;
}

/** A half-open range of UTF-16 offsets. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

/**
 * Returns the place of the value at `path` (keys and indices from the root). If there is no such value, it returns the place
 * of the innermost value on the path. `text` must be JSON.
 */
export function placeOf(text: string, path: readonly (string | number)[]): Place {
  let at = skipSpace(text, 0);
  for (const step of path) {
    const inner = child(text, at, step);
    if (inner === undefined) break;
    at = inner;
  }
  return { start: at, end: skipValue(text, at) };
}

/** Converts a JSON pointer of ajv (`/episodes/3/0/class`) to a path. */
export function pointerPath(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function child(text: string, at: number, step: string | number): number | undefined {
  const open = text[at];
  if (open !== "{" && open !== "[") return undefined;
  let i = skipSpace(text, at + 1);
  for (let index = 0; i < text.length && text[i] !== "}" && text[i] !== "]"; index++) {
    let key: string | undefined;
    if (open === "{") {
      const end = skipValue(text, i);
      key = JSON.parse(text.slice(i, end)) as string;
      i = skipSpace(text, skipSpace(text, end) + 1); // over the colon
    }
    if (key === undefined ? index === Number(step) : key === String(step)) return i;
    i = skipSpace(text, skipValue(text, i));
    if (text[i] === ",") i = skipSpace(text, i + 1);
  }
  return undefined;
}

function skipSpace(text: string, from: number): number {
  let i = from;
  while (i < text.length && " \t\r\n".includes(text[i] ?? "")) i++;
  return i;
}

/** Returns the offset after the value that starts at `at`. */
function skipValue(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const c = text[i];
    if (c === '"') {
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === "\\") i++;
      if (depth === 0) return i + 1;
    } else if (c === "{" || c === "[") depth++;
    else if (c === "}" || c === "]") {
      depth--;
      if (depth === 0) return i + 1;
      if (depth < 0) return i;
    } else if (depth === 0 && (c === "," || c === ":" || skipSpace(text, i) > i)) return i;
  }
  return text.length;
}
