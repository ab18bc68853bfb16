/** The source files as the tests of the house see them: their texts, and who imports whom. */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";

/** Every TypeScript file of a folder, by its path from the root of the repository. */
export function sourceFiles(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => name.replaceAll("\\", "/"));
  return new Map(
    names
      .filter((name) => /\.tsx?$/.test(name) && !name.endsWith(".d.ts"))
      .sort()
      .map((name) => [`${folder}/${name}`, readFileSync(`${folder}/${name}`, "utf8")]),
  );
}

/** Imports from files to files. A file that it imports only types from counts too: readers follow those arrows as well. */
export function importGraph(files: ReadonlyMap<string, string>): Map<string, ReadonlySet<string>> {
  return new Map([...files].map(([file, text]) => [file, new Set(importsOf(file, text, files))]));
}

const importPattern = /(?:\bfrom\s+|\bimport\s*\(?\s*)"(\.{1,2}\/[^"]+)\.js"/g;

function importsOf(file: string, text: string, files: ReadonlyMap<string, string>): string[] {
  return [...text.matchAll(importPattern)].flatMap(([, specifier]) => {
    const path = posix.join(posix.dirname(file), specifier ?? "");
    const target = [`${path}.ts`, `${path}.tsx`].find((candidate) => files.has(candidate));
    return target === undefined || target === file ? [] : [target];
  });
}

/** Groups of files of which each reaches every other by imports (Tarjan's strongly connected components), those of one file left out. */
export function circles(graph: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.get(file) ?? 0);
    open.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!order.has(next)) visit(next);
      if (open.includes(next)) lowest.set(file, Math.min(lowest.get(file) ?? 0, lowest.get(next) ?? 0));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const circle = open.splice(open.indexOf(file));
    if (circle.length > 1) found.push(circle.sort());
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return found;
}
