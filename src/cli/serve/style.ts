/** The style sheet of the page of `fslc serve`: light and dark, from a phone to a wide screen. */
import { palette } from "../report/style.js";

export const serveStyle = `
:root{color-scheme:light dark;${palette.light}}
@media (prefers-color-scheme:dark){:root{${palette.dark}}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1180px;margin:0 auto;padding:24px 16px 72px}
main[aria-busy]{cursor:progress}
h1{font-size:1.6em;line-height:1.25;margin:0 0 4px}
h2{font-size:1.2em;margin:32px 0 12px}
h3{font-size:1em;margin:0;overflow-wrap:anywhere}
p{margin:8px 0;max-width:75ch;overflow-wrap:anywhere}
.soft{color:var(--soft)}
.alert{border-left:4px solid var(--mark);padding:4px 12px;background:var(--wash)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,260px),1fr));gap:16px;margin-top:16px;align-items:start}
.card{border:1px solid var(--line);border-radius:8px;padding:12px;min-width:0;display:flex;flex-direction:column;gap:8px}
.query img{width:84px;height:84px}
.thumbs{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:8px}
.thumbs li{position:relative;max-width:120px;font-size:13px;overflow-wrap:anywhere}
.thumbs span{display:block}
img{object-fit:contain;background:var(--wash);border-radius:4px;display:block}
.drop{border:2px dashed var(--line);border-radius:8px;padding:10px;display:flex;flex-direction:column;gap:6px;min-width:0}
.drop.over{border-color:var(--accent);background:var(--wash)}
.drop input{max-width:100%}
.ranking{margin:0;padding:0;list-style:none;display:grid;gap:4px}
.ranking li{display:grid;grid-template-columns:minmax(0,1fr) 70px 62px;gap:8px;align-items:center}
.name{overflow-wrap:anywhere}
.number{text-align:right;font-variant-numeric:tabular-nums}
meter{width:100%}
.row{display:flex;flex-wrap:wrap;gap:8px;align-items:center}
.toolbar{margin-top:12px}
button,select,input[type=text]{font:inherit;color:var(--ink);background:var(--paper);border:1px solid var(--soft);border-radius:6px;padding:4px 10px;max-width:100%}
button{cursor:pointer}
button:hover:enabled{background:var(--wash)}
button:disabled{color:var(--soft);border-color:var(--line);cursor:default}
.small{position:absolute;top:2px;right:2px;padding:0 6px;line-height:1.4}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
summary{cursor:pointer;color:var(--accent)}
#news{position:fixed;bottom:0;left:0;right:0;max-width:none;margin:0;padding:8px 16px;background:var(--wash);border-top:1px solid var(--line)}
#news:empty{padding:0;border:0}
#news.problem{border-top:3px solid var(--mark)}
`;
