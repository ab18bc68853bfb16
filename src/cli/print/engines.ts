/** Prints the report of `fslc engines`: each engine with its devices, the problems with their fixes, and the choice of `auto`. */
import type { Availability, EngineNote } from "../../runtime/engines/engine.js";
import type { EngineReport } from "../../runtime/engines/index.js";
import { formatNote } from "../../runtime/engines/notes.js";
import type { EngineChoice } from "../../runtime/engines/select.js";
import { engineAndDevice } from "../view/format.js";
import { hanging } from "./wrap.js";

export function printEngines(engines: readonly EngineReport[], auto: EngineChoice | undefined, width: number): string {
  const nameWidth = Math.max(...engines.map(({ name }) => name.length));
  const indent = " ".repeat(nameWidth + 4);
  const lines = engines.flatMap(({ name, availability }) => {
    const glyph = availability.available ? "✔" : "✘";
    const [first = "", ...rest] = facts(availability).flatMap(([head, text]) => hanging(indent + head, text, width));
    return [`${glyph} ${name.padEnd(nameWidth)}  ${first.slice(indent.length)}`, ...rest];
  });
  const taken =
    auto === undefined
      ? "`--engine auto` finds no engine to compute with"
      : `\`--engine auto\` chooses ${engineAndDevice(auto.name, auto)}: ${auto.why}`;
  return `${[...lines, "", ...hanging("", taken, width)].join("\n")}\n`;
}

/** Returns the lines about an engine, each as a prefix and its text. */
function facts(availability: Availability): [string, string][] {
  if (!availability.available)
    return [
      ["", `not available: ${availability.why}`],
      ["help: ", availability.fix],
    ];
  const { version, devices, adapters = {}, notes = [] } = availability;
  const devicesWithNames = devices.map((device): [string, string] => {
    const adapter = adapters[device];
    if (adapter === undefined) return ["", device];
    const { name, kind } = adapter;
    return ["", `${device}  ${name}${kind === "unknown" || name.toLowerCase().includes(kind) ? "" : `, ${kind}`}`];
  });
  return [["", version], ...devicesWithNames, ...notes.flatMap(noteLines)];
}

function noteLines(note: EngineNote): [string, string][] {
  const { text, help } = formatNote(note);
  return help === undefined
    ? [["", text]]
    : [
        ["", text],
        ["help: ", help],
      ];
}
