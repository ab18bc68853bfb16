import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fslc, fslcWithInput } from "./command-line.js";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fslc-editor-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const ugly = "fsl 1\nfn   half(x){x/2}\n";
const tidy = "fsl 1\nfn half(x) { x / 2 }\n";

test("`fmt -` prints the text of standard input in its format, and writes nothing else", async () => {
  expect(await fslcWithInput(ugly, "fmt", "-")).toEqual({ code: 0, out: tidy, err: "" });
  expect(await fslcWithInput(tidy, "fmt", "-")).toEqual({ code: 0, out: tidy, err: "" });
});

test("`fmt -` prints no text if it has mistakes, and names it by its path", async () => {
  const { code, out, err } = await fslcWithInput("fsl 1\nparam a =\n", "fmt", "-", "--stdin-path", "lib/net.fsl");
  expect([code, out]).toEqual([2, ""]);
  expect(err).toContain("lib/net.fsl:2:");
});

test("`fmt --check -` says by its exit code whether the text is formatted", async () => {
  expect(await fslcWithInput(ugly, "fmt", "--check", "-")).toMatchObject({
    code: 1,
    out: "stdin.fsl is not formatted\n",
  });
  expect(await fslcWithInput(tidy, "fmt", "--check", "-")).toMatchObject({ code: 0, out: "" });
});

test("`check -` resolves imports from the path that the text will have, which need not exist", async () => {
  writeFileSync(join(dir, "lib.fsl"), tidy);
  const text = 'fsl 1\nimport { half } from "./lib.fsl"\nfn quarter(x) { half(x) / 2 }\n';
  const there = join(dir, "unsaved.fsl");
  expect(await fslcWithInput(text, "check", "-", "--stdin-path", there)).toMatchObject({ code: 0 });
  const elsewhere = await fslcWithInput(text, "check", "-", "--stdin-path", join(dir, "deep/unsaved.fsl"));
  expect([elsewhere.code, elsewhere.err]).toEqual([2, expect.stringContaining("FSL2002")]);
});

test("`check -` checks the text, not the file that has its path", async () => {
  const path = join(dir, "a.fsl");
  writeFileSync(path, "this is no FSL\n");
  expect(await fslcWithInput(tidy, "check", "-", "--stdin-path", path)).toMatchObject({ code: 0 });
});

test("`check --format short` prints one line per mistake, which an editor can follow from the working directory", async () => {
  const path = join(dir, "a.fsl");
  writeFileSync(path, "fsl 1\nfn f(x) { x * y + z }\n");
  const { code, out, err } = await fslc("check", path, "--format", "short");
  expect([code, err]).toEqual([2, ""]);
  expect(out.trimEnd().split("\n")).toEqual([
    expect.stringMatching(new RegExp(`^${path}:2:15: error FSL2001: `)),
    expect.stringMatching(new RegExp(`^${path}:2:19: error FSL2001: `)),
  ]);
});

test("a warning is a line too, and changes no exit code; a path below the working directory starts there", async () => {
  const text = readFileSync("tests/golden/FSL2007-param-without-use.fsl", "utf8");
  const { code, out } = await fslcWithInput(text, "check", "-", "--stdin-path", "net/a.fsl", "--format", "short");
  expect([code, out]).toEqual([0, "net/a.fsl:2:7: warning FSL2007: `shots` is never used\n"]);
});

test("a diagnostic without a place has the file that was checked in its line", async () => {
  const path = join(dir, "nothing.fsl");
  const { code, out } = await fslc("check", path, "--format", "short");
  expect([code, out]).toEqual([3, expect.stringContaining(`${path}: error FSL7040: `)]);
});

test("`check --json` prints the diagnostics of all files as its schema describes", async () => {
  const paths = ["a.fsl", "b.fsl", "c.fsl"].map((name) => join(dir, name));
  const texts = ["fsl 1\nfn f(x) { xy }\n", tidy, `${tidy}${tidy.slice(6)}`];
  for (const [i, path] of paths.entries()) writeFileSync(path, texts[i] as string);
  const { code, out, err } = await fslc("check", ...paths, "--json");
  expect([code, err]).toEqual([2, ""]);
  const found = JSON.parse(out);
  const schema = JSON.parse(readFileSync("schemas/diagnostics.schema.json", "utf8"));
  const validate = new Ajv2020().compile(schema);
  expect([validate(found), validate.errors]).toEqual([true, null]);
  expect(found).toContainEqual({
    code: "FSL2001",
    severity: "error",
    message: expect.any(String),
    place: {
      file: join(dir, "a.fsl"),
      start: { line: 2, column: 11 },
      end: { line: 2, column: 13 },
    },
    labels: [],
    help: expect.any(Array),
  });
  expect(found.find(({ code }: { code: string }) => code === "FSL2006").labels).toHaveLength(1);
});

test("`check --json` of a file without mistakes is an empty array", async () => {
  const path = join(dir, "a.fsl");
  writeFileSync(path, "fsl 1\n");
  expect(await fslc("check", path, "--json")).toEqual({ code: 0, out: "[]\n", err: "" });
});

test.each([
  [["check", "-", "b.fsl"], "cannot be combined with other files"],
  [["fmt", "a.fsl", "--stdin-path", "b.fsl"], "`--stdin-path` names the text of `-`"],
  [["check", "a.fsl", "--format", "vim"], "there is no format `vim`. The formats are full, short"],
  [["check", "a.fsl", "--json", "--format", "short"], "cannot be combined"],
  [["check", "a.fsl", "--json", "--emit", "ast"], "both write to stdout"],
] as const)("%j is a usage error", async (argv, message) => {
  const { code, out, err } = await fslc(...argv);
  expect([code, out]).toEqual([3, ""]);
  expect(err).toContain(message);
});
