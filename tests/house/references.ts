/** Paths of source files and documents that comments and documents mention, held against what exists. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const reference = /(?<![\w.*/<-])(?:\.{0,2}\/)?(?:[\w.-]+\/)*[\w.-]+\.(?:tsx?|mjs|md)\b(?!\.)/g;
const folder = /`((?:src|tests|grammar|specs|scripts|bench|docs|examples|schemas)\/[\w./-]*)`/g;
const comments = /\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm;

/** Files that fslc writes for its users: they are in no repository but theirs. */
const writtenForUsers: ReadonlySet<string> = new Set(["MODEL.md"]);

/** `FILE names PATH` for each mention of a file or folder that is nowhere. A mention may leave out folders at its front. */
export function missingReferences(): string[] {
  const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" })
    .split("\n")
    .filter((path) => path !== "");
  const exists = (path: string): boolean =>
    writtenForUsers.has(path) ||
    tracked.some((known) => known === path || known.endsWith(`/${path}`) || known.startsWith(`${path}/`));
  return tracked.flatMap((file) => {
    const isDocument = file.endsWith(".md") && !file.startsWith("docs/decisions/") && file !== "CHANGELOG.md";
    const isCode = /^(src|grammar|tests|bench|scripts)\/.*\.(tsx?|mjs)$/.test(file);
    if (!isDocument && !isCode) return [];
    const text = readFileSync(file, "utf8");
    const prose = isCode ? [...text.matchAll(comments)].map(([comment]) => comment).join("\n") : text;
    const named = [
      ...[...prose.matchAll(reference)].map(([path]) => path.replace(/^(?:\.{1,2}\/)+/, "")),
      ...[...prose.matchAll(folder)].map(([, path]) => (path ?? "").replace(/\/$/, "")),
    ];
    return [...new Set(named)].filter((path) => !exists(path)).map((path) => `${file} names ${path}`);
  });
}
