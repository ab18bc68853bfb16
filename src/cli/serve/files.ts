/** The files of the page: its text, its style sheet and its script. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../runtime/system/package.js";
import { Markup, markup } from "../report/markup.js";
import { serveStyle } from "./style.js";

export interface ServedFile {
  readonly type: string;
  readonly content: string;
}

/** Returns the files by path. The script was bundled by the build. */
export function pageFiles(): ReadonlyMap<string, ServedFile> {
  const bundled = readFileSync(join(packageRoot, "dist", "pages", "serve.js"), "utf8");
  return new Map([
    ["/", { type: "text/html", content: page().text }],
    ["/page.css", { type: "text/css", content: serveStyle }],
    ["/page.js", { type: "text/javascript", content: bundled }],
  ]);
}

/** The bundler would need a helper for a template that has the end of a script in it. */
const script = new Markup('<script type="module" src="/page.js"></script>');

/** The page without data. The script fills `main`. */
function page(): Markup {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>Name images · fslc</title>
<link rel="icon" href="data:,"/>
<link rel="stylesheet" href="/page.css"/>
${script}
</head>
<body>
<main id="main"><h1>Name images</h1><p>The page is loading. It needs JavaScript.</p></main>
<p id="news" role="status" aria-live="polite"></p>
</body>
</html>
`;
}
