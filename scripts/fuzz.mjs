// Sends random programs through check, plan and fmt, and stops at none: every one that goes wrong is written to a folder.
//   node scripts/fuzz.mjs [--count 10000] [--seed 1] [--from 0] [--out FOLDER]
// Wrong is an exception, five seconds of work on one program, a diagnostic that cannot be printed or points beyond the text, a
// program with neither errors nor an experiment, and a text that fmt gives another meaning, or another form the second time.
// The number of a program decides it together with the seed, so `--from 4711 --count 1` repeats one. It runs from dist/.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

/** The longest that one program may take, in milliseconds of this process. */
const tooLong = 5000;

// ---------------------------------------------------------------- the main thread

function supervise() {
  const option = (name, otherwise) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? otherwise : process.argv[at + 1];
  };
  const seed = Number(option("seed", 1));
  const first = Number(option("from", 0));
  const end = first + Number(option("count", 10_000));
  const out = option("out", undefined);
  const project = mkdtempSync(join(tmpdir(), "fslc-fuzz-"));
  process.on("exit", () => rmSync(project, { recursive: true, force: true }));
  writeFileSync(join(project, "package.json"), "{}");

  // What the worker does now: the number of the program, counted from `first`, and how many of each outcome there were.
  const shared = new Int32Array(new SharedArrayBuffer(4 * 4));
  const started = Date.now();
  let failures = 0;
  let worker;
  const fail = (index, why, text) => {
    failures++;
    console.log(`program ${index} of seed ${seed}: ${why.split("\n").slice(0, 4).join("\n")}`);
    if (out === undefined) return;
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, `${seed}-${index}.fsl`), text);
    writeFileSync(join(out, `${seed}-${index}.txt`), why);
  };
  const progress = () => {
    const done = shared[0];
    const seconds = (Date.now() - started) / 1000;
    const [, parsed, valid, invalid] = shared;
    return `${done} of ${end - first} programs of seed ${seed}, ${Math.round(done / seconds)} a second: ${parsed} parse, ${valid} are experiments, ${invalid} have errors; ${failures} went wrong`;
  };

  let seen = { index: -1, cpu: 0 };
  const watch = setInterval(() => {
    const { user, system } = process.cpuUsage();
    const cpu = (user + system) / 1000;
    if (shared[0] !== seen.index) seen = { index: shared[0], cpu };
    else if (cpu - seen.cpu > tooLong) {
      seen = { index: -1, cpu };
      const index = first + shared[0];
      worker.terminate();
      fail(index, `more than ${tooLong} ms`, makeText(seed, index));
      shared[0]++;
      launch();
    }
  }, 250);
  const report = setInterval(() => console.log(progress()), 60_000);

  function launch() {
    worker = new Worker(new URL(import.meta.url), { workerData: { seed, first, end, project, shared } });
    worker.on("message", ({ index, why, text }) => fail(index, why, text));
    worker.on("error", (error) => {
      const index = first + shared[0];
      fail(index, `the worker ended: ${error.stack ?? error}`, makeText(seed, index));
      shared[0]++;
      launch();
    });
    worker.on("exit", (code) => {
      if (code !== 0 || first + shared[0] < end) return;
      clearInterval(watch);
      clearInterval(report);
      console.log(progress());
      process.exitCode = failures > 0 ? 1 : 0;
    });
  }
  launch();
}

// ---------------------------------------------------------------- the worker

async function work({ seed, first, end, project, shared }) {
  const dist = new URL("../dist/", import.meta.url);
  const { format } = await import(new URL("grammar/format.js", dist));
  const { lex } = await import(new URL("grammar/lex.js", dist));
  const { parse } = await import(new URL("grammar/parse.js", dist));
  const { compile } = await import(new URL("src/compiler/compile.js", dist));
  const { render } = await import(new URL("src/compiler/diagnostics/render.js", dist));
  const { buildPlan } = await import(new URL("src/compiler/stages/plan.js", dist));
  const { printPlan } = await import(new URL("src/cli/print/plan.js", dist));
  const { nodeHost } = await import(new URL("src/runtime/host/host.js", dist));
  const { findProject } = await import(new URL("src/runtime/system/project.js", dist));
  const disk = nodeHost(findProject(project));
  const besides = new Map(corpus().map(({ name, text }) => [name, text]));
  const engine = { name: "onnx", device: "cpu", peakFactor: [1, 6] };
  const count = { parse: 1, experiment: 2, errors: 3 };

  const library = new Map();
  const libraryFile = (id) => {
    if (!library.has(id)) library.set(id, disk.readFile(id));
    return library.get(id);
  };
  const check = (text, random) => {
    let misspelt = false;
    const host = {
      ...disk,
      readFile: (id) => (id === "main.fsl" ? text : id.startsWith("fsl:") ? libraryFile(id) : besides.get(id)),
      facts: ({ kind }) => (kind === "folder" && text.length % 2 === 0 ? undefined : facts),
      parse: (content, id) => {
        if (id !== "main.fsl") return disk.parse(content, id);
        const parsed = parse(content, id);
        misspelt = parsed.errors.length > 0;
        return parsed;
      },
    };
    const { experiment, diagnostics } = compile(host, "main.fsl", { set: {} });
    if (!misspelt) {
      // A text with errors is not formatted, and parsing it again would take half the time.
      shared[count.parse]++;
      const formatted = format(text, "main.fsl");
      if (formatted.kind !== "formatted") return `fmt: ${formatted.why ?? "refused"}`;
      const lost = lostWord(lex, text, formatted.text);
      if (lost !== undefined) return `fmt: \`${lost}\` is lost`;
    }
    const wrong = diagnostics.some(({ severity }) => severity === "error");
    if ((experiment === undefined) !== wrong) return "neither errors nor an experiment, or both";
    shared[wrong ? count.errors : count.experiment]++;
    const width = 40 + random(120);
    for (const [i, diagnostic] of diagnostics.entries()) {
      const { span, message } = diagnostic;
      // The command line prints the first 20.
      const printed = i < 20 ? render(diagnostic, (id) => host.readFile(id), { color: false, width }) : message;
      const holes = (message.match(/\{\w+\}/g) ?? []).filter((hole) => !text.includes(hole));
      if (holes.length > 0) return `a hole in a message: ${message}`;
      if (/undefined|\[object|NaN/.test(message) && !/undefined|\[object|NaN/.test(text))
        return `a message: ${message}`;
      if (printed === "") return `nothing is printed for ${message}`;
      if (span?.file === "main.fsl" && !(0 <= span.start && span.start <= span.end && span.end <= text.length))
        return `a place beyond the text: ${message}`;
    }
    if (experiment === undefined) return undefined;
    // The cost of a stage is worked out from its whole program, which takes seconds for some. A share of them must do.
    const costs = text.length < 3000 && random(20) === 0;
    const plan = buildPlan(experiment, { seed: 0, lookup: () => undefined, data: {}, costs, engine });
    if (printPlan(plan, { width, colorLevel: 0 }) === "") return "an empty plan";
    return undefined;
  };

  while (first + shared[0] < end) {
    const index = first + shared[0];
    const text = makeText(seed, index);
    try {
      const why = check(text, generator(seed + 1, index));
      if (why !== undefined) parentPort.postMessage({ index, why, text });
    } catch (error) {
      parentPort.postMessage({ index, why: error?.stack ?? String(error), text });
    }
    Atomics.add(shared, 0, 1);
  }
}

const split = (classes) => ({ classes, images: 40 * classes, smallest: { name: "small", images: 40 } });
const facts = { splits: { train: split(64), val: split(16), test: split(20) } };

/**
 * Returns a name or text that fmt lost, so that check did not see it either. Numbers may be written in another way, and so may
 * \`x as x'\` and \`as [x]\`: texts with primes or \`as\` are passed over, and numbers are only counted. \`every 1 epoch\` becomes
 * \`every epoch\`.
 */
function lostWord(lex, before, after) {
  if (/'|\bas\b|\bevery\s+1\b/.test(before)) return undefined;
  const left = new Map();
  const count = (text, step) => {
    for (const { image } of lex(text, "main.fsl").tokens) {
      const word = /^[\d.]/.test(image) ? "a number" : /^["A-Za-z_]/.test(image) ? image : undefined;
      if (word !== undefined) left.set(word, (left.get(word) ?? 0) + step);
    }
  };
  count(before, 1);
  count(after, -1);
  return [...left].find(([, number]) => number > 0)?.[0];
}

// ---------------------------------------------------------------- programs

/** Returns a function that gives a whole number from 0 to below its argument (mulberry32), other ones for each program. */
function generator(seed, index) {
  let state = Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b);
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Returns the files of the repository that are written in the language, right ones and wrong ones. */
function corpus() {
  corpus.known ??= [
    "examples",
    "examples/methods",
    "specs",
    "tests/check/methods",
    "tests/check/odd",
    "tests/grammar",
    "tests/golden",
  ]
    .map((folder) => fileURLToPath(new URL(`../${folder}/`, import.meta.url)))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .filter((path) => path.endsWith(".fsl"))
    .map((path) => ({ name: basename(path), text: readFileSync(path, "utf8").replace(/^\/\/[>!].*\n?/gm, "") }))
    .map((file) => ({ ...file, tokens: tokensOf(file.text), parts: file.text.split(/\n(?=\S)/) }));
  return corpus.known;
}
/** Returns the tokens of a text, each with the space before it. */
function tokensOf(text) {
  return text.match(/\s*(?:"[^"\n]*"|\/\/.*|[A-Za-z_]\w*'*|\d[\w.]*|->|.)/g) ?? [];
}

/** Words and signs that come from elsewhere: what other languages write, names of every object, odd letters and numbers. */
const odd = [
  ...Object.getOwnPropertyNames(Object.prototype).map((name) => ` ${name}`),
  ..." def return True None lambda for while : == != <= ** // @ # % ; ;; ... => -> <- ' \" ` \\ \\n ~ $ & | && || ! ? ^".split(
    " ",
  ),
  ..." { } ( ) [ ] {} () [] , . .5 5. 1e999 1e-999 0x10 1_000 00 -0 99999999999999999999 0.1.2 5-way 5way \u00d7 \u2212 \u03c4".split(
    " ",
  ),
  ...[
    "\u0000",
    "\ud800",
    "\u202e",
    "\ufeff",
    "\t",
    "\r",
    "\r\n",
    "\u2028",
    "\u00a0",
    "\n\n\n",
    "<<<<<<< a\n",
    "=======\n",
    "/*",
    "*/",
    "// x\n",
    "\n-x",
    "\n*x",
    "\n(",
    "\n[",
  ],
];

/** Returns the text of a program: mostly a file of the repository with a few changes, else parts of several, words or letters. */
function makeText(seed, index) {
  const random = generator(seed, index);
  const files = corpus();
  const pick = (list) => list[random(list.length)];
  const word = () => (random(6) === 0 ? pick(odd) : (pick(pick(files).tokens) ?? ""));
  const kind = random(20);
  if (kind < 7) return exchanged([...pick(files).tokens], random);
  if (kind < 11) return mutated([...pick(files).tokens], random, word);
  if (kind < 15) {
    const parts = Array.from({ length: 1 + random(6) }, () => pick(pick(files).parts));
    const text = `fsl 1\n${parts.join("\n")}\n`;
    return random(2) === 0 ? text : mutated(tokensOf(text), random, word);
  }
  if (kind < 18) return Array.from({ length: random(80) }, word).join(pick(["", " ", "\n"]));
  if (kind < 19) return lettersOf(pick(files).text, random);
  return nested(random, word);
}

function mutated(tokens, random, word) {
  for (let edits = 1 + random(3); edits > 0 && tokens.length > 0; edits--) {
    const at = random(tokens.length);
    const other = random(tokens.length);
    switch (random(8)) {
      case 0:
        tokens.splice(at, 1);
        break;
      case 1:
        tokens.splice(at, 1 + random(10));
        break;
      case 2:
        [tokens[at], tokens[other]] = [tokens[other], tokens[at]];
        break;
      case 3:
        tokens.splice(at, 0, word());
        break;
      case 4:
        tokens.splice(at, 0, ...tokens.slice(at, at + 1 + random(30)));
        break;
      case 5:
        tokens.splice(at, 0, ...tokens.slice(other, other + 1 + random(12)));
        break;
      default:
        tokens[at] = word();
    }
  }
  return tokens.join("");
}

/** Exchanges names for names and numbers for numbers of the same file. Most of these texts still parse, and reach the checker. */
function exchanged(tokens, random) {
  const kindOf = (token) =>
    token
      .trim()
      .replace(/^[A-Za-z_].*/s, "a")
      .replace(/^\d.*/s, "0")
      .replace(/^".*/s, '"');
  for (let edits = 1 + random(3), tries = 0; edits > 0 && tries < 200; tries++) {
    const [at, other] = [random(tokens.length), random(tokens.length)];
    if (tokens[at] === undefined || kindOf(tokens[at]) !== kindOf(tokens[other])) continue;
    if (tokens[at].trim() === tokens[other].trim() || !/[a0]/.test(kindOf(tokens[at]))) continue;
    tokens[at] = /^\s*/.exec(tokens[at])[0] + tokens[other].trim();
    edits--;
  }
  return tokens.join("");
}

/** Returns a text with a few letters changed, left out or doubled, or its end missing. */
function lettersOf(text, random) {
  let letters = text;
  for (let edits = 1 + random(6); edits > 0; edits--) {
    const at = random(letters.length + 1);
    const letter = random(3) === 0 ? String.fromCharCode(random(0x2100)) : String.fromCharCode(32 + random(95));
    const gone = random(3);
    letters = letters.slice(0, at) + (random(3) === 0 ? "" : letter) + letters.slice(at + gone);
  }
  return random(5) === 0 ? letters.slice(0, random(letters.length + 1)) : letters;
}

/** Returns brackets, signs or words that are repeated many times around a small text: what goes deep or becomes large. */
function nested(random, word) {
  const open = [
    ["(", ")"],
    ["[", "]"],
    ["{", "}"],
    ["-", ""],
    ["not ", ""],
    ["f(", ")"],
    ["if a { ", " } else { b }"],
    ["repeat 9 { ", " }"],
    ["each [1, 2, ", "]"],
    ["a.", ""],
    ["a + ", ""],
    ["a, ", ""],
    ["let x = { ", " x }"],
  ];
  const [before, after] = open[random(open.length)];
  const times = 2 ** random(11);
  const core = Array.from({ length: 1 + random(4) }, word).join("");
  const deep = before.repeat(times) + core + after.repeat(random(8) === 0 ? random(times) : times);
  const [start, end] = [
    ["fn f(x) = ", ""],
    ["let a = ", ""],
    ["param p = ", ""],
    ["backbone b { ", " }"],
    ["episode e = ", ""],
    ["", ""],
  ][random(6)];
  return `fsl 1\n${start}${deep}${end}\n`;
}

if (isMainThread) supervise();
else await work(workerData);
