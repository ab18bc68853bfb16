/** Leaves out the diagnostics that only follow from a line that could not be read as it was meant. */
import type { Diagnostic } from "./diagnostic.js";
import { SourceLines } from "./source.js";

/**
 * Returns the diagnostics without those on a line with FSL1024, and without the names that an import there was to bring. Counts
 * behind a missing comma (FSL1012) are not read, so they are not missing (FSL5007).
 */
export function withoutEchoes(
  found: readonly Diagnostic[],
  texts: readonly { readonly id: string; readonly text: string }[],
): readonly Diagnostic[] {
  const foreign = found.filter(({ code }) => code === "FSL1024");
  const unread = found.filter(({ code }) => code === "FSL1012");
  if (foreign.length === 0 && unread.length === 0) return found;
  const sources = new Map(texts.map(({ id, text }) => [id, new SourceLines(text)]));
  const lineOf = ({ span }: Diagnostic): string | undefined => {
    const source = span === undefined ? undefined : sources.get(span.file);
    return source && span && `${span.file}:${source.position(span.start).line}`;
  };
  const lines = new Map<string | undefined, Diagnostic>();
  for (const one of foreign) if (!lines.has(lineOf(one))) lines.set(lineOf(one), one);
  const halves = new Set(unread.map(lineOf));
  const withoutImports = new Set(
    foreign.flatMap(({ span }) => {
      const source = span && sources.get(span.file);
      const line = source?.line(source.position(span?.start ?? 0).line).trimStart();
      return span !== undefined && /^(?:import|from)\b/.test(line ?? "") ? [span.file] : [];
    }),
  );
  return found.filter((one) => {
    const said = lines.get(lineOf(one));
    if (said !== undefined) return said === one;
    if (one.code === "FSL5007" && halves.has(lineOf(one))) return false;
    return one.code !== "FSL2001" || one.span === undefined || !withoutImports.has(one.span.file);
  });
}
