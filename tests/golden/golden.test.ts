/**
 * One file, input and expected output: `<CODE>-<what it shows>.fsl` ends with the diagnostics that it gives, each line
 * behind `//> `. `//! set NAME=VALUE` gives a parameter, `//! file NAME` starts another file of the project.
 * `UPDATE_GOLDEN=1 npx vitest run tests/golden` writes the outputs anew; read the difference before committing it.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import { blockerDiagnostics } from "../../src/compiler/diagnostics/blockers.js";
import { type Diagnostic, registry } from "../../src/compiler/diagnostics/diagnostic.js";
import { render } from "../../src/compiler/diagnostics/render.js";
import { hostOf } from "../check/helper.js";

const folder = new URL("./", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".fsl"));
const update = process.env["UPDATE_GOLDEN"] === "1";
const mark = "//> ";

interface Golden {
  readonly input: string;
  readonly expected: string;
  readonly files: Readonly<Record<string, string>>;
  readonly set: Readonly<Record<string, string>>;
}

function read(name: string): Golden {
  const lines = readFileSync(new URL(name, folder), "utf8").split("\n");
  const expected = lines.filter((line) => line.startsWith(mark.trim())).map((line) => line.slice(mark.length));
  const input = lines
    .filter((line) => !line.startsWith(mark.trim()))
    .join("\n")
    .trimEnd();
  const files: Record<string, string> = { "main.fsl": "" };
  const set: Record<string, string> = {};
  let file = "main.fsl";
  for (const line of input.split("\n")) {
    const given = /^\/\/! set (\w+)=(.*)$/.exec(line);
    const start = /^\/\/! file (.*)$/.exec(line)?.[1];
    if (start !== undefined) {
      file = start;
      files[file] = "";
    } else if (given?.[1] !== undefined) set[given[1]] = given[2] ?? "";
    else files[file] += `${line}\n`;
  }
  return { input, expected: expected.join("\n"), files, set };
}

/** What is found, and what keeps a stage from running. */
function diagnose({ files, set }: Golden): Diagnostic[] {
  const { diagnostics, experiment } = compile(hostOf(files), "main.fsl", { set });
  return [...diagnostics, ...blockerDiagnostics(experiment?.stages ?? [])];
}

it.each(names)("%s", (name) => {
  const golden = read(name);
  const found = diagnose(golden);
  const host = hostOf(golden.files);
  const text = found
    .map((one) => render(one, (file) => host.readFile(file), { color: false, width: 120 }))
    .join("\n\n");
  const output = text
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
  if (update) {
    const block = output.split("\n").map((line) => (mark + line).trimEnd());
    writeFileSync(new URL(name, folder), `${golden.input}\n${block.join("\n")}\n`);
  } else expect(output).toBe(golden.expected);
  expect(
    found.map((one) => one.code),
    "the file is named after a code that it shows",
  ).toContain(name.slice(0, 7));
});

it("every code of the compiler is shown by a file here", () => {
  const shown = new Set(names.map((name) => name.slice(0, 7)));
  const compilers = Object.keys(registry).filter((code) => /^FSL[1-5]/.test(code));
  expect(compilers.filter((code) => !shown.has(code))).toEqual([]);
});
