/**
 * Makes texts from outside safe to print: names of classes and files, values of parameters, messages of other programs. A terminal obeys
 * some characters instead of showing them: escape sequences change colors, titles and the clipboard, a carriage return writes over a line,
 * and marks of direction or without width make one text look like another. Everything that is printed passes through here.
 */

/** Characters that a terminal does not show as themselves: controls, marks without width, marks of direction, halves of a pair, and line ends. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** The two columns that stand for a tab. */
const tab = "  ";

/** Returns a text as one line without unprintable characters: a dot stands for each, and two spaces for a tab. */
export function printable(text: string): string {
  return text.replaceAll("\t", tab).replace(unprintable, "·");
}

/** Returns a text that may have several lines, each of which `printable` makes safe. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

/** Returns plain data in which `printable` has made all texts safe, at every depth. The names of fields stay as they are. */
export function printableTexts<T>(value: T): T;
export function printableTexts(value: unknown): unknown {
  if (typeof value === "string") return printable(value);
  if (Array.isArray(value)) return value.map((item: unknown) => printableTexts(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, printableTexts(field)]));
}

/** Returns JSON whose text is safe to print and whose values are unchanged: unprintable characters in it are written as escapes. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(unprintable, (character) =>
    character === "\n" ? character : escapeUnits(character),
  );
}

/** Writes each UTF-16 unit of a character as an escape of JSON. */
function escapeUnits(character: string): string {
  return character
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
