/** Puts the report of a run together: one HTML file that needs no script, no other file and no network. */
import { duration, plural, seedsText } from "../view/format.js";
import type { ReportData } from "./data.js";
import type { Figures } from "./figures.js";
import { Markup, markup } from "./markup.js";
import { sectionsOf } from "./sections.js";
import { pageStyle } from "./style.js";

/** The page may load nothing at all, so that data that were not escaped by mistake could not call anyone. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

export function reportPage(data: ReportData, figures: Figures): string {
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="${new Markup(policy)}"/>
<meta name="generator" content="fslc ${data.version}"/>
<title>${data.file} · ${data.run}</title>
<style>${new Markup(pageStyle)}</style>
</head>
<body>
<main>
<header><h1>${data.file}</h1><p class="soft">${heading(data)}</p></header>
${sectionsOf(data, figures)}
</main>
</body>
</html>
`;
  return page.text;
}

function heading({ run, started, status, seconds, seeds, version }: ReportData): string {
  const time = new Date(started).toISOString().replace("T", " ").slice(0, 16);
  return [
    `run ${run}`,
    `${time} UTC`,
    seconds === undefined ? status : `${status} in ${duration(seconds)}`,
    seeds.length > 1 ? `${plural(seeds.length, "seed")} (${seedsText(seeds)})` : `seed ${seeds[0] ?? 0}`,
    `fslc ${version}`,
  ].join(" · ");
}
