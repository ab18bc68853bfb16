/** Tests that names from data reach the terminal without anything that it would obey, in every command and on the live screen. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { jsonReporter } from "../../src/cli/reporters/json.js";
import { plainReporter } from "../../src/cli/reporters/plain.js";
import { layout, screenLines } from "../../src/cli/view/layout.js";
import { initialState, reduce } from "../../src/cli/view/model.js";
import { printable, printableJson, printableLines, printableTexts } from "../../src/common/printable.js";
import { diagnostic } from "../../src/compiler/diagnostics/diagnostic.js";
import { render } from "../../src/compiler/diagnostics/render.js";
import type { RunEvent } from "../../src/runtime/events/events.js";
import { picture, tempDir } from "../data/support.js";
import { fslc } from "./command-line.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** A name that turns the terminal red, writes over its line, reverses its end, and has an invisible space and an 8-bit escape. */
const hostile = "red\x1b[31m\rover\u202egnp.\u2066\u200b\ufeff\x9b2J";
/** Everything that no output may hold beside line ends. */
const forbidden = /[^\P{Cc}\n]|[\p{Cf}\p{Cs}\u2028\u2029]/u;

let experiment = "";
let project = "";
beforeAll(async () => {
  project = tempDir();
  for (const split of ["train", "test"]) {
    for (const [c, name] of [`a${hostile}`, `b\n✔ all is well${hostile}`].entries()) {
      const folder = join(project, "images", split, `${split}${name}`);
      mkdirSync(folder, { recursive: true });
      for (let i = 0; i < 5; i++) writeFileSync(join(folder, `${i}${hostile}.png`), await picture(c * 5 + i, 16, 16));
      writeFileSync(join(folder, `0${hostile}.heic`), "no image that is read");
    }
  }
  writeFileSync(join(project, "package.json"), "{}");
  experiment = join(project, "names.fsl");
  writeFileSync(
    experiment,
    `fsl 1
import { folder } from "fsl:datasets"
import { prototypes } from "fsl:metrics"
dataset d = folder(root: "images") {
  train resize(16), center_crop(16), normalize(mean: [0.5], std: [0.25])
  eval resize(16), center_crop(16), normalize(mean: [0.5], std: [0.25])
}
backbone pixels { flatten as vector }
episode task = 2 way, 1 shot, 2 query
evaluate test {
  encoder pixels
  metric prototypes
  episodes task from d.test, 20 episodes
  report accuracy, confusion, per_class
}
`,
  );
});

describe("a dataset with hostile names", () => {
  test.each([
    ["check", []],
    ["plan", ["--engine", "reference"]],
    ["plan", ["--json", "--engine", "reference"]],
    ["data fetch", []],
    ["data inspect", []],
    ["run", []],
    ["run", ["--reporter", "json", "--force", "test"]],
    ["check", ["--set", `x${hostile}=1`]],
    ["check", ["--emit", "typed"]],
    ["check", ["--emit", "tensor"]],
  ] as const)("%s %j", async (command, options) => {
    const { code, out, err } = await fslc(...command.split(" "), experiment, ...options);
    expect(code, err).toBe(options.join().startsWith("--set") ? 2 : 0);
    expect(out + err).not.toBe("");
    expect(out).not.toMatch(forbidden);
    expect(err).not.toMatch(forbidden);
    expect(`${out}${err}`).not.toMatch(/^✔ all is well/m);
  });

  test("its names are still told apart, and JSON has them unchanged", async () => {
    expect((await fslc("data", "inspect", experiment)).out).toContain("testared·[31m·over·gnp.···");
    const { out } = await fslc("runs", "show", "--project", project, "--json");
    expect(out).not.toMatch(forbidden);
    expect(JSON.stringify(JSON.parse(out))).toContain(JSON.stringify(hostile).slice(1, -1));
  });

  test("a file with such a name", async () => {
    const file = join(project, `${hostile}.fsl`);
    writeFileSync(file, `fsl 1\nlet x = "${hostile.replace("\r", "")}" + 1\n`);
    for (const command of [["check"], ["fmt"], ["run"], ["fmt", "--check"]]) {
      const { out, err } = await fslc(...command, file);
      expect(out + err).not.toMatch(forbidden);
    }
  });
});

test("the reporters", () => {
  const events: RunEvent[] = [
    {
      type: "run.start",
      time: 0,
      run: "1",
      file: hostile,
      version: "1",
      seed: 0,
      stages: [{ id: hostile, kind: "evaluate", name: hostile, needs: [] }],
    },
    { type: "stage.note", time: 1, stage: hostile, code: "FSL6015", message: hostile },
    { type: "stage.progress", time: 2, stage: hostile, phase: hostile, done: 1, total: 2, unit: hostile },
    { type: "stage.failed", time: 3, stage: hostile, code: "FSL7099", message: hostile, fix: hostile, at: hostile },
  ];
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream;
  const reporters = [plainReporter({ stderr: stream }), jsonReporter({ stdout: stream })];
  let state = initialState;
  for (const event of events) {
    for (const reporter of reporters) reporter.event(event);
    state = reduce(state, event);
    const screen = screenLines(layout(state, 100, 30, 3)).flat();
    for (const { text } of screen) expect(text).not.toMatch(forbidden);
  }
  expect(written.join("")).not.toMatch(forbidden);
  expect(written.flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []))).toEqual(events);
});

test("a diagnostic in all its parts", () => {
  const span = { file: hostile, start: 0, end: 3 };
  const holes = { path: `p${hostile}`, why: `w\n${hostile}` };
  const d = diagnostic("FSL7040", span, holes, { help: [hostile], labels: [{ span, text: hostile }] });
  for (const source of [() => `${hostile}\n`, () => undefined]) {
    expect(render(d, source, { color: false, width: 80 })).not.toMatch(forbidden);
  }
});

describe("printable", () => {
  test("keeps what a terminal shows, in any script", () => {
    for (const text of ["été, naïve", "日本語", "Ελληνικά", "👍🏽 ok", "a  b", ""]) expect(printable(text)).toBe(text);
  });
  test("gives one line, or keeps the lines of a text", () => {
    expect(printable("a\r\nb\tc\u2028d")).toBe("a··b  c·d");
    expect(printableLines("a\r\nb\x1b[2J")).toBe("a·\nb·[2J");
  });
  test("reaches every text of plain data, and nothing else", () => {
    expect(printableTexts({ a: ["\x07", 1, null], b: { c: undefined, d: true } })).toEqual({
      a: ["·", 1, null],
      b: { c: undefined, d: true },
    });
  });
  test("writes JSON that means the same", () => {
    const value = { [hostile]: [hostile, "\u{e0001}", "\ud800", "\u2028", "日本"] };
    for (const indent of [undefined, 2]) {
      expect(printableJson(value, indent)).not.toMatch(forbidden);
      expect(JSON.parse(printableJson(value, indent))).toEqual(value);
    }
  });
});
