/** Links between pages, and from comments to sections of pages, lead somewhere. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(md|tsx?|fsl)$/.test(name))
    .map((name) => join(folder, name));
const pages = readdirSync(".").filter((name) => name.endsWith(".md"));
const files = [...pages, ...["docs", "grammar", "src", "specs", "tests"].flatMap(filesUnder)];

/** Returns the anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): Set<string> {
  const text = readFileSync(page, "utf8").replace(/^```[\s\S]*?^```$/gm, "");
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replace(/ /g, "-"),
    ),
  );
}

/** Returns the pages and sections that a file links to: links of a page, and the path of a page, with or without a section, in a comment. */
function linksOf(file: string): { readonly page: string; readonly anchor: string | undefined }[] {
  const text = readFileSync(file, "utf8");
  const inText = file.endsWith(".md")
    ? [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].map(([, page = "", anchor]) => ({
        page: page === "" ? file : normalize(join(dirname(file), page)),
        anchor,
      }))
    : [...text.matchAll(/(docs\/[\w/-]+\.md)(?:#([\w-]+))?/g)].map(([, page = "", anchor]) => ({ page, anchor }));
  return inText.filter(({ page }) => basename(page) !== "");
}

test.each(files.filter((file) => linksOf(file).length > 0))("the links of %s lead somewhere", (file) => {
  const broken = linksOf(file).filter(
    ({ page, anchor }) =>
      !existsSync(page) || (anchor !== undefined && page.endsWith(".md") && !anchorsOf(page).has(anchor)),
  );
  expect(broken).toEqual([]);
});
