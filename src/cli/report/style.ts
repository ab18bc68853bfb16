/** The colors of all pages, and the style sheets of a report: light and dark, on a phone and on paper. */

/** The colors of all pages by their names in style sheets. Texts and marks have enough contrast for everyone. */
export const palette = {
  light: `--paper:#fff;--ink:#1c2126;--soft:#57606a;--line:#d3d9df;--wash:#f4f6f8;--accent:#0b62a8;--mark:#a84800;--good:#0b62a8;--bad:#a84800;--key:#8a2f86;--string:#1d6b2f`,
  dark: `--paper:#14181c;--ink:#e4e9ee;--soft:#a3adb7;--line:#39424b;--wash:#1d2329;--accent:#6cb6ff;--mark:#ffa35c;--good:#6cb6ff;--bad:#ffa35c;--key:#e29bdd;--string:#7fce91`,
} as const;

/** The rules of the marks in a figure. They read the colors of the page around it. */
const figureRules = `
.figure{font:11px system-ui,sans-serif;background:none}
.figure text{fill:var(--ink)}
.figure .tick,.figure .axis{fill:var(--soft)}
.figure .value{font-variant-numeric:tabular-nums}
.figure .grid{stroke:var(--line);fill:none}
.figure .rail{stroke:var(--soft);fill:none}
.figure .curve{stroke:var(--accent);stroke-width:1.5;fill:none;stroke-linejoin:round}
.figure .bar{stroke:var(--mark);stroke-width:2;fill:none}
.figure .dot{fill:var(--mark)}
.figure .best{stroke:var(--ink);stroke-width:1.5;fill:none}
.figure .track{fill:var(--line)}
.figure .fill{fill:var(--accent)}
.figure .frame{stroke:var(--soft);fill:none}
.figure .right{fill:var(--good)}
.figure .wrong{fill:var(--bad)}
.figure .stage{fill:var(--accent);stroke:var(--accent);stroke-width:1.5}
.figure .stage.stored,.figure .stage.unfinished{fill:var(--paper)}
.figure .stage.unfinished{stroke:var(--soft)}
.figure .stage.failed{fill:var(--mark);stroke:var(--mark)}
`;

/** The style sheet of a figure in a file of its own. It is light, because most papers are, and has a background. */
export const fileStyle = `.figure{${palette.light}}${figureRules}`;

/** The style sheet of the page. Figures that are folded on the screen of a sweep are printed all the same. */
export const pageStyle = `
:root{color-scheme:light dark;${palette.light}}
@media (prefers-color-scheme:dark){@media screen{:root{${palette.dark}}}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1180px;margin:0 auto;padding:24px 16px 48px}
h1{font-size:1.6em;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:1.2em;margin:36px 0 12px;padding-top:12px;border-top:1px solid var(--line)}
h3{font-size:1em;margin:20px 0 8px;overflow-wrap:anywhere}
p{margin:8px 0;max-width:75ch;overflow-wrap:anywhere}
.soft{color:var(--soft)}
.alert{border-left:4px solid var(--mark);padding:4px 12px;background:var(--wash)}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:24px}
figure{margin:0;min-width:0}
figcaption{font-weight:600;margin-bottom:6px;overflow-wrap:anywhere}
svg.figure{display:block;width:100%;max-width:420px;height:auto}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding-bottom:4px}
.scroll{margin-top:20px}
details .scroll{margin-top:4px}
th,td{text-align:left;padding:4px 14px 4px 0;border-bottom:1px solid var(--line);vertical-align:top;white-space:nowrap}
th{font-weight:600;color:var(--soft)}
tbody th{color:var(--ink);font-weight:400}
.number{text-align:right}
header p{max-width:none}
code,pre{font:13px/1.5 ui-monospace,monospace}
pre{margin:0;padding:12px;background:var(--wash);border-radius:6px;overflow-x:auto;tab-size:2}
.wrap{white-space:pre-wrap;overflow-wrap:anywhere}
.digest{overflow-wrap:anywhere}
summary{cursor:pointer;color:var(--accent);padding:2px 0}
.fsl-comment{color:var(--soft);font-style:italic}
.fsl-keyword{color:var(--key)}
.fsl-number,.fsl-unit{color:var(--accent)}
.fsl-text{color:var(--string)}
@media print{.fold::details-content{content-visibility:visible;height:auto}body{font-size:11pt}main{max-width:none;padding:0}figure,tr{break-inside:avoid}h2,h3{break-after:avoid}pre{white-space:pre-wrap;border:1px solid var(--line)}}
${figureRules}`;
