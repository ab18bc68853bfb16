/** Lists the files that stages reported. */
import { basename, relative } from "node:path";

/** The most files of one series that are listed one by one. */
const mostListed = 4;

/**
 * Returns one line for each file, relative to a folder. A long series of files, whose names differ only in the number before the
 * ending, has one line: `results/proto/weights-0.safetensors … weights-300.safetensors (301 files)`.
 */
export function fileLines(paths: readonly string[], from: string): string[] {
  const series = new Map<string, string[]>();
  for (const path of paths) {
    const of = path.replace(/\d+(\.\w+)$/, "$1");
    series.set(of, [...(series.get(of) ?? []), path]);
  }
  return [...series.values()].flatMap((files) => {
    const [first = ""] = files;
    const last = basename(files.at(-1) ?? "");
    if (files.length <= mostListed) return files.map((file) => `  ${relative(from, file) || file}`);
    return [`  ${relative(from, first) || first} … ${last} (${files.length} files)`];
  });
}
