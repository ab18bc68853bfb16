// Draws the live screen of a run as an SVG for the README:
//   node scripts/screenshot.mjs .fslc/runs/<id>/events.ndjson docs/ui.svg [--at 0.6] [--size 80x24]
// It replays the events with the view model of the terminal. --at is the fraction of the training steps that are done.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { layout, screenLines } from "../dist/src/cli/view/layout.js";
import { initialState, reduce } from "../dist/src/cli/view/model.js";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { at: { type: "string", default: "0.6" }, size: { type: "string", default: "80x24" } },
});
const [input, output] = positionals;
if (input === undefined || output === undefined) {
  console.error("usage: node scripts/screenshot.mjs EVENTS.ndjson OUT.svg [--at 0.6] [--size 80x24]");
  process.exit(3);
}
const [cols, rows] = values.size.split("x").map(Number);
const events = readFileSync(input, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
const steps = events.filter((e) => e.type === "stage.step");
const shown = steps[Math.floor(steps.length * Number(values.at))] ?? events.at(-1);

let state = initialState;
for (const event of events) {
  state = reduce(state, event);
  if (event === shown) break;
}
const lines = screenLines(layout(state, cols, rows, shown.time));

const Colors = {
  plain: "#d7dae0",
  dim: "#7d8590",
  strong: "#ffffff",
  good: "#6bc46d",
  bad: "#f47067",
  active: "#56d4dd",
  accent: "#daaa3f",
};
const Char = 8.4;
const Line = 18;
const Pad = 16;
const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const width = cols * Char + 2 * Pad;
const height = lines.length * Line + 2 * Pad;
// Every segment has its own column and length, so that the columns stay aligned in every font.
const body = lines.flatMap((line, row) => {
  let column = 1;
  return line.flatMap(({ text, tone }) => {
    const at = column;
    const length = [...text].length;
    column += length;
    if (text.trim() === "") return [];
    const x = (Pad + at * Char).toFixed(1);
    const y = Pad + row * Line + 13;
    const weight = tone === "strong" || tone === "bad" ? ' font-weight="bold"' : "";
    return `<text x="${x}" y="${y}" fill="${Colors[tone]}"${weight} textLength="${(length * Char).toFixed(1)}" lengthAdjust="spacingAndGlyphs" xml:space="preserve">${escape(text)}</text>`;
  });
});
writeFileSync(
  output,
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The screen of fslc while it trains">
<rect width="100%" height="100%" rx="8" fill="#15181e"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">
${body.join("\n")}
</g>
</svg>
`,
);
