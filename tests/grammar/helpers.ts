/** Walks over trees as plain data, for tests. */
import type { Span } from "../../grammar/ast.js";

/** The tree without spans: what must survive printing. */
export function withoutSpans(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutSpans);
  if (node === null || typeof node !== "object") return node;
  const entries = Object.entries(node).filter(([key]) => !/span$/i.test(key));
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutSpans(value)]));
}

/** Every node whose span is not inside that of the nearest node around it. */
export function outsideParents(node: unknown, around?: Span, path = ""): string[] {
  if (Array.isArray(node)) return node.flatMap((item, i) => outsideParents(item, around, `${path}[${i}]`));
  if (node === null || typeof node !== "object") return [];
  const span = "span" in node ? (node.span as Span) : undefined;
  const bad =
    span !== undefined &&
    (span.start > span.end || (around !== undefined && (span.start < around.start || span.end > around.end)))
      ? [`${path} ${span.start}–${span.end} in ${around?.start}–${around?.end}`]
      : [];
  const inner = Object.entries(node)
    .filter(([key]) => !/span$/i.test(key))
    .flatMap(([key, value]) => outsideParents(value, span ?? around, `${path}.${key}`));
  return [...bad, ...inner];
}
