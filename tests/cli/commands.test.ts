import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { programName } from "../../src/cli/commands/init.js";
import { fslc } from "./command-line.js";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "fslc-cli-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

test("help of the program and of every command exits 0 with examples", async () => {
  const help = await fslc("--help");
  expect(help.code).toBe(0);
  expect(help.out).toContain("Examples:");
  for (const name of ["run", "check", "plan", "runs", "report", "explain", "engines", "data", "fmt", "init"]) {
    expect(help.out).toContain(`  ${name} `);
    expect(help.out).not.toContain("(default: [])");
    const own = await fslc(name, "--help");
    expect(own.code).toBe(0);
    expect(own.out).toContain("Examples:");
  }
});

test("the manual names every option of every command", async () => {
  const manual = readFileSync("docs/cli.md", "utf8");
  for (const argv of [
    ["run"],
    ["check"],
    ["plan"],
    ["runs", "list"],
    ["runs", "show"],
    ["runs", "diff"],
    ["runs", "compare"],
    ["report"],
    ["explain"],
    ["engines"],
    ["engines", "install"],
    ["data", "list"],
    ["data", "fetch"],
    ["fmt"],
    ["init"],
  ]) {
    const { out } = await fslc(...argv, "--help");
    for (const [option] of out.matchAll(/--[a-z]+/g)) if (option !== "--help") expect(manual).toContain(option);
  }
});

test.each([
  [["rum"], "Did you mean run?"],
  [["my.fsl"], "Write `fslc run my.fsl`"],
  [["run", "x.fsl", "--epochs", "3"], "A parameter of the experiment is set with `--set epochs=…`"],
  [["run", "x.fsl", "--reportor", "json"], "Did you mean --reporter?"],
  [["check"], "missing required argument 'files'"],
  [["run", "x.fsl", "--reporter", "html"], "there is no reporter `html`"],
  [["check", "x.fsl", "--emit", "mlir"], "there is no phase `mlir`"],
  [["explain", "FSL0000"], "there is no diagnostic FSL0000"],
  [["explain"], "needs a code"],
  [["run", "x.fsl", "--seed", "1", "--seed", "2"], "`--seed 1` and `--seed 2` are both given"],
  [["runs", "list", "-n", "5", "--number", "6"], "`--number 5` and `--number 6` are both given"],
  [["check", "x.fsl", "--set", "a=1", "--set", "a=2"], "`--set a=1` and `--set a=2` are both given"],
] as const)("%j is a usage error that says what to do", async (argv, message) => {
  const { code, out, err } = await fslc(...argv);
  expect(err).toContain(message);
  expect(err).not.toMatch(/\n\s+at /);
  expect([code, out]).toEqual([3, ""]);
});

test("a file that is not there is a usage error with a code", async () => {
  const { code, err } = await fslc("check", join(dir, "nothing.fsl"));
  expect(err).toContain("FSL7040");
  expect(code).toBe(3);
});

test("what fails while running is told with its place in the experiment", async () => {
  const path = file(
    "bird.fsl",
    `fsl 1
import { nearest_neighbor } from "fsl:metrics"
import { cub } from "fsl:datasets"
dataset birds = cub(root: "nowhere") {}
backbone raw { flatten as vector }
episode task = 5 way, 1 shot, 5 query
evaluate pixels {
  encoder raw
  metric nearest_neighbor
  episodes task from birds.test, 10 episodes
  report accuracy
}
`,
  );
  const { code, err } = await fslc("run", path, "--reporter", "plain");
  expect(code).toBe(1);
  expect(err).toContain("FSL6001");
  expect(err).toContain("┌ bird.fsl:4:1\n");
  expect(err).toContain("help:");
});

test("a file that is no FSL shows its first mistakes and counts the rest", async () => {
  const { code, err } = await fslc("check", file("prose.fsl", "This is no experiment, (at all.\n".repeat(60)));
  expect(code).toBe(2);
  expect(err.match(/^error|FSL1\d{3}/gm)?.length).toBeLessThan(50);
  expect(err).toMatch(/… and \d+ more/);
});

test("explain prints cause, example and fix; --list names every code", async () => {
  const one = await fslc("explain", "7006");
  expect(one.code).toBe(0);
  expect(one.out).toContain("FSL7006");
  expect(one.out).toContain("Lower the learning rate");
  const all = await fslc("explain", "--list");
  expect(all.out.trim().split("\n").length).toBeGreaterThan(30);
});

test.each([
  ["/home/me/net/node_modules/fslc", "/home/me/net", {}, "npx fslc"],
  ["/home/me/net/node_modules/fslc", "/home/me/net/deep/er", {}, "npx fslc"],
  ["/home/me/.npm/_npx/1f/node_modules/fslc", "/home/me/net", { npm_command: "exec" }, "npx fslc"],
  ["/usr/lib/node_modules/fslc", "/home/me/net", {}, "fslc"],
  ["/home/me/net/node_modules/fslc", "/home/me/network", {}, "fslc"],
] as const)("init with fslc in %s names the program as one types it in %s", (root, cwd, env, name) => {
  expect(programName(root, cwd, env)).toBe(name);
});

test("init writes an experiment that checks, and overwrites nothing", async () => {
  const target = join(dir, "starter");
  expect((await fslc("init", target)).code).toBe(0);
  expect(readFileSync(join(target, ".gitignore"), "utf8")).toContain(".fslc/");
  const checked = await fslc("check", join(target, "experiment.fsl"));
  expect(checked.err).toBe("");
  expect(checked.code).toBe(0);
  expect((await fslc("fmt", "--check", join(target, "experiment.fsl"))).out).toBe("");
  writeFileSync(join(target, "experiment.fsl"), "mine");
  const again = await fslc("init", target);
  expect(again.code).toBe(3);
  expect(readFileSync(join(target, "experiment.fsl"), "utf8")).toBe("mine");
});

const examples = readdirSync("examples", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".fsl"));
test.each(examples.sort())("examples/%s checks and is formatted", async (name) => {
  const path = `examples/${name}`;
  const checked = await fslc("check", path);
  // Data that are not beside the checkout give a warning, and nothing else does.
  expect([...checked.err.matchAll(/^(?:warning|error) (FSL\d+)/gm)].filter(([, found]) => found !== "FSL6001")).toEqual(
    [],
  );
  expect(checked.code).toBe(0);
  expect(await fslc("fmt", "--check", path)).toEqual({ code: 0, out: "", err: "" });
});

test("mistakes are all printed, on stderr, with their place and exit code 2", async () => {
  const { code, out, err } = await fslc("check", file("wrong.fsl", "fsl 1\nmeta m {\n  metric nothing\n}\nmeta m {\n"));
  expect(code).toBe(2);
  expect(out).toBe("");
  expect(err).toMatch(/wrong\.fsl:\d+:\d+/);
  expect(err).toMatch(/\d+ errors?; for details: fslc explain FSL\d+|\d+ errors?, /);
});

test("fmt lays a file out once and for all, and leaves a file with syntax errors alone", async () => {
  const path = file("messy.fsl", "fsl 1\nparam   a=1   // kept\n");
  expect((await fslc("fmt", "--check", path)).code).toBe(1);
  expect((await fslc("fmt", path)).code).toBe(0);
  expect(readFileSync(path, "utf8")).toContain("// kept");
  expect((await fslc("fmt", "--check", path)).code).toBe(0);
  const broken = file("broken.fsl", "fsl 1\nmeta {{{\n");
  expect((await fslc("fmt", broken)).code).toBe(2);
  expect(readFileSync(broken, "utf8")).toBe("fsl 1\nmeta {{{\n");
});

test("fmt names a file that cannot be read, and formats the others", async () => {
  const target = join(dir, "one-unreadable");
  mkdirSync(target);
  for (const name of ["a.fsl", "c.fsl"]) writeFileSync(join(target, name), "fsl 1\nparam   n = 1\n");
  symlinkSync("b.fsl", join(target, "b.fsl"));
  const { code, out, err } = await fslc("fmt", target);
  expect(code).toBe(3);
  expect(err).toContain("b.fsl` cannot be read: its links lead in a circle");
  expect(out.split("\n").filter((line) => line.startsWith("formatted "))).toHaveLength(2);
});

test.each([
  ["[1, 2]", "it does not contain a JSON object"],
  ['{"shots": {"a": 1}}', "`shots` is not a number"],
  ["{", "cannot be used"],
])("a parameter file that holds %s is refused", async (text, why) => {
  const { code, err } = await fslc("check", "examples/emoji.fsl", "--params", file("params.json", text));
  expect(err).toContain("FSL7043");
  expect(err).toContain(why);
  expect(code).toBe(3);
});

test("--set without a value, and of no parameter", async () => {
  expect((await fslc("check", "examples/emoji.fsl", "--set", "shots")).code).toBe(3);
  const { code, err } = await fslc("check", "examples/emoji.fsl", "--set", "shot=5");
  expect(code).toBe(2);
  expect(err).toContain("shots");
});

test("data list describes every source", async () => {
  const { out } = await fslc("data", "list");
  for (const kind of ["emoji", "folder", "csv", "cub", "omniglot", "cifar100"]) expect(out).toContain(`${kind}: `);
});

test("data how says how to get a set, and whether what lies in its folder is the set", async () => {
  const root = join(dir, "pets");
  const nothing = await fslc("data", "how", "oxford_pets", "--root", root);
  expect(nothing.code).toBe(0);
  expect(nothing.out).toContain("size: 810 MB to download");
  expect(nothing.out).toContain("missing: all of it");

  mkdirSync(join(root, "annotations"), { recursive: true });
  writeFileSync(join(root, "annotations", "list.txt"), "Abyssinian_1 1 1 1\n");
  const wrong = await fslc("data", "how", "oxford_pets", "--root", root);
  expect(wrong.code).toBe(1);
  expect(wrong.out).toContain("missing: images/");
  expect(wrong.out).toContain("error: ");

  const unknown = await fslc("data", "how", "oxford_pet");
  expect(unknown.err).toContain("did you mean `oxford_pets`?");
});

test("check takes several files and folders, and its exit code is that of the worst", async () => {
  const folder = join(dir, "several");
  mkdirSync(join(folder, "deep"), { recursive: true });
  writeFileSync(join(folder, "package.json"), "{}");
  const metric = "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n";
  writeFileSync(
    join(folder, "deep", "b.fsl"),
    `${metric}    dot(query, mean(support over shot) over feature)\n  }\n}\n`,
  );
  writeFileSync(join(folder, "notes.txt"), "no FSL");
  const right = await fslc("check", folder, join(folder, "deep", "b.fsl"));
  expect(right).toEqual({ code: 0, err: "", out: `${join(folder, "deep", "b.fsl")}: no errors, no stages\n` });

  const hidden = join(dir, "hidden");
  mkdirSync(join(hidden, ".git"), { recursive: true });
  writeFileSync(join(hidden, ".git", "b.fsl"), "fsl 1\n");
  expect(await fslc("check", hidden)).toMatchObject({ code: 3, out: "" });
  writeFileSync(join(folder, "a.fsl"), "fsl 1\nparam shots = nothing\n");
  const wrong = await fslc("check", folder, "examples/emoji.fsl");
  expect(wrong.code).toBe(2);
  expect(wrong.err).toContain("a.fsl:2:15");
  expect(wrong.out).toContain("b.fsl: no errors");
  expect(wrong.out).toContain("examples/emoji.fsl: no errors");

  expect((await fslc("check", folder, "--emit", "ast")).err).toContain("`--emit` takes one file");
  const empty = join(dir, "no-fsl");
  mkdirSync(empty);
  expect((await fslc("check", empty)).err).toContain(`there is no .fsl file in \`${empty}\``);
});

test("what cannot be written or read is said so, and is no bug of fslc", async () => {
  const blocker = file("blocker", "");
  const init = await fslc("init", join(blocker, "inside"));
  expect(init.code).toBe(1);
  expect(init.err).toContain("error FSL7031: ");
  expect(init.err).toContain("cannot be written: a file lies where a folder should be");

  const folder = await fslc("plan", dir);
  expect(folder.code).toBe(3);
  expect(folder.err).toContain("cannot be read: it is a folder");

  const params = await fslc("check", "examples/emoji.fsl", "--params", join(dir, "nowhere.json"));
  expect(params.code).toBe(3);
  expect(params.err).toContain("cannot be used: there is no such file");
});

test("engines are listed with what they compute on, and with what auto takes", async () => {
  const listed = await fslc("engines");
  expect(listed.code).toBe(0);
  for (const name of ["onnx", "onednn", "tensorflow", "reference"])
    expect(listed.out).toMatch(new RegExp(`^[✔✘] ${name} `, "m"));
  expect(listed.out).toMatch(/^`--engine auto` chooses \w+ [cg]pu/m);
  for (const line of listed.out.split("\n")) expect([...line].length).toBeLessThanOrEqual(80);
  const { engines, auto } = JSON.parse((await fslc("engines", "--json")).out);
  expect(engines.map(({ name }: { name: string }) => name)).toEqual(["onnx", "onednn", "tensorflow", "reference"]);
  expect(auto).toMatchObject({ name: expect.any(String), device: expect.any(String), why: expect.any(String) });
});

test("an engine or stage that is not there is answered with those that are", async () => {
  const engine = await fslc("plan", "examples/emoji.fsl", "--engine", "cuda");
  expect(engine.code).toBe(3);
  expect(engine.err).toContain("there are `auto`, `onnx`, `onednn`, `tensorflow` and `reference`");
  const device = await fslc("run", "examples/emoji.fsl", "--engine", "reference", "--device", "gpu");
  expect(device.code).toBe(3);
  expect(device.err).toContain("FSL7008");
  const stage = await fslc("plan", "examples/emoji.fsl", "--force", "nothing-like-it");
  expect(stage.code).toBe(3);
  expect(stage.err).toContain("there are `proto`, `test`, `pixels`");
});

test("an experiment whose name is written without its ending, or nearly right, is found by the message", async () => {
  file("quick-start.fsl", "fsl 1\n");
  for (const written of ["quick-start", "quikstart.fsl"]) {
    const { code, err } = await fslc("plan", join(dir, written));
    expect(code).toBe(3);
    expect(err).toContain(`did you mean \`${join(dir, "quick-start.fsl")}\`?`);
  }
});

test("an experiment without stages is no success", async () => {
  const { code, err } = await fslc("run", file("none.fsl", "fsl 1\nbackbone raw { flatten as vector }\n"));
  expect(code).toBe(2);
  expect(err).toContain("FSL7044");
});

test("data that is not there is reported at its dataset", async () => {
  const text = readFileSync("examples/omniglot.fsl", "utf8");
  const path = file("omniglot.fsl", text);
  const line = text.split("\n").findIndex((l) => l.startsWith("dataset ")) + 1;
  const { code, err } = await fslc("data", "fetch", path);
  expect(code).toBe(1);
  expect(err).toContain("error FSL6001");
  expect(err).toMatch(new RegExp(`┌ .*omniglot\\.fsl:${line}:`));
});

test("Ctrl-C while data is fetched exits 130", async () => {
  const root = join(dir, "images");
  for (const name of Array.from({ length: 12 }, (_, i) => `class${i}`)) {
    mkdirSync(join(root, "train", name), { recursive: true });
    for (const i of [0, 1, 2, 3]) {
      const picture = sharp({ create: { width: 64, height: 64, channels: 3, background: { r: i, g: 0, b: 0 } } });
      await picture.png().toFile(join(root, "train", name, `${i}.png`));
    }
  }
  const path = file(
    "images.fsl",
    `fsl 1
import { nearest_neighbor } from "fsl:metrics"
import { folder } from "fsl:datasets"
dataset pictures = folder(root: ${JSON.stringify(root)}) {
  train resize(32), center_crop(32)
  eval resize(32), center_crop(32)
}
episode task = 2 way, 1 shot, 1 query
backbone raw { flatten as vector }
evaluate test {
  encoder raw
  metric nearest_neighbor
  episodes task from pictures.train, 10 episodes
  report accuracy
}
`,
  );
  const before = new Set(process.listeners("SIGINT"));
  const fetched = fslc("data", "fetch", path);
  const press = await vi.waitUntil(() => process.listeners("SIGINT").find((listener) => !before.has(listener)), {
    interval: 1,
    timeout: 10_000,
  });
  press("SIGINT");
  const { code, err } = await fetched;
  expect(err).toContain("pictures: interrupted");
  expect(code).toBe(130);
});
