/** `fslc engines` for people: each engine with its devices, what is missing and what fixes it, and what `auto` takes. */
import type { Availability } from "../../runtime/engines/engine.js";
import type { EngineReport } from "../../runtime/engines/index.js";
import type { Choice } from "../../runtime/engines/select.js";
import { engineAndDevice } from "../view/format.js";
import { hanging } from "./wrap.js";

export function printEngines(engines: readonly EngineReport[], auto: Choice | undefined, width: number): string {
  const nameWidth = Math.max(...engines.map(({ name }) => name.length));
  const indent = " ".repeat(nameWidth + 4);
  const lines = engines.flatMap(({ name, availability }) => {
    const glyph = availability.available ? "✔" : "✘";
    const [first = "", ...rest] = facts(availability).flatMap(([head, text]) => hanging(indent + head, text, width));
    return [`${glyph} ${name.padEnd(nameWidth)}  ${first.slice(indent.length)}`, ...rest];
  });
  const taken =
    auto === undefined
      ? "`--engine auto` finds nothing to compute with"
      : `\`--engine auto\` takes ${engineAndDevice(auto.name, auto)}: ${auto.why}`;
  return `${[...lines, "", ...hanging("", taken, width)].join("\n")}\n`;
}

/** A word that stands before a text, and the text. */
function facts(availability: Availability): [string, string][] {
  if (!availability.available)
    return [
      ["", `not available: ${availability.why}`],
      ["help: ", availability.fix],
    ];
  const { version, devices, adapters = {}, notes = [] } = availability;
  const called = devices.map((device): [string, string] => {
    const adapter = adapters[device];
    if (adapter === undefined) return ["", device];
    const { name, kind } = adapter;
    return ["", `${device}  ${name}${kind === "unknown" || name.toLowerCase().includes(kind) ? "" : `, ${kind}`}`];
  });
  return [["", version], ...called, ...notes.map((note): [string, string] => ["", note])];
}
