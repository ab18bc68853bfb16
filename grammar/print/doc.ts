/** Documents whose layout chooses the line breaks, after Wadler, "A prettier printer" (2003). */

export type Doc =
  | string
  | readonly Doc[]
  | { readonly kind: "line"; readonly flat: string }
  | { readonly kind: "hard"; readonly blank: boolean }
  | { readonly kind: "group"; readonly doc: Doc }
  | { readonly kind: "indent"; readonly doc: Doc }
  /** Text that runs to the end of its line. Every group around it is broken. */
  | { readonly kind: "comment"; readonly text: string }
  /** Text that is printed only if the group around it is broken. */
  | { readonly kind: "broken"; readonly text: string };

/** A space, or a new line if the group is broken. */
export const line: Doc = { kind: "line", flat: " " };
/** Nothing, or a new line if the group is broken. */
export const soft: Doc = { kind: "line", flat: "" };
export const hard: Doc = { kind: "hard", blank: false };
/** A new line after an empty one. */
export const blank: Doc = { kind: "hard", blank: true };

export const group = (...doc: Doc[]): Doc => ({ kind: "group", doc });
export const indent = (...doc: Doc[]): Doc => ({ kind: "indent", doc });
export const comment = (text: string): Doc => ({ kind: "comment", text });
export const broken = (text: string): Doc => ({ kind: "broken", text });

export function join(parts: readonly Doc[], separator: Doc): Doc {
  return parts.map((part, i) => (i === 0 ? part : [separator, part]));
}

type Item = readonly [depth: number, flat: boolean, doc: Doc];

export function layout(doc: Doc, width: number): string {
  // The finished lines are kept apart, so that a long text is not copied for each of them.
  const lines: string[] = [];
  let out = "";
  let column = 0;
  const stack: Item[] = [[0, false, doc]];
  const newLine = (depth: number, empty: boolean): void => {
    lines.push(out.replace(/ +$/, ""), ...(empty ? [""] : []));
    out = "  ".repeat(depth);
    column = depth * 2;
  };
  for (let item = stack.pop(); item; item = stack.pop()) {
    const [depth, flat, part] = item;
    if (typeof part === "string") {
      out += part;
      column += part.length;
    } else if (isList(part)) {
      for (let i = part.length - 1; i >= 0; i--) stack.push([depth, flat, part[i] ?? ""]);
    } else if (part.kind === "line") {
      if (flat) {
        out += part.flat;
        column += part.flat.length;
      } else newLine(depth, false);
    } else if (part.kind === "hard") newLine(depth, part.blank);
    else if (part.kind === "comment") out += part.text;
    else if (part.kind === "broken") out += flat ? "" : part.text;
    else if (part.kind === "indent") stack.push([depth + 1, flat, part.doc]);
    else stack.push([depth, flat || fits(part.doc, width - column, stack), part.doc]);
  }
  return [...lines, out].join("\n");
}

function isList(doc: Doc): doc is readonly Doc[] {
  return Array.isArray(doc);
}

/** Tells whether `doc` and the text after it, up to the next possible break, fit on one line. */
function fits(doc: Doc, room: number, rest: readonly Item[]): boolean {
  let left = room;
  const stack: { flat: boolean; doc: Doc }[] = [{ flat: true, doc }];
  let next = rest.length - 1;
  while (left >= 0) {
    const item = stack.pop();
    if (item === undefined) {
      const following = rest[next--];
      if (following === undefined) return true;
      stack.push({ flat: following[1], doc: following[2] });
      continue;
    }
    const part = item.doc;
    if (typeof part === "string") left -= part.length;
    else if (isList(part))
      for (let i = part.length - 1; i >= 0; i--) stack.push({ flat: item.flat, doc: part[i] ?? "" });
    else if (part.kind === "line") {
      if (!item.flat) return true;
      left -= part.flat.length;
    } else if (part.kind === "hard") return !item.flat;
    else if (part.kind === "comment") return !item.flat;
    else if (part.kind === "indent" || part.kind === "group") stack.push({ flat: item.flat, doc: part.doc });
  }
  return false;
}
