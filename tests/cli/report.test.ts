/** Tests that the report of a run shows what the run recorded, that no text from outside becomes markup, and that the page needs nothing else. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { readReport } from "../../src/cli/report/data.js";
import { highlight } from "../../src/cli/report/highlight.js";
import { markup } from "../../src/cli/report/markup.js";
import { repeatCommand } from "../../src/cli/report/repeat.js";
import { intervalChart } from "../../src/cli/report/svg/interval-chart.js";
import { lineChart } from "../../src/cli/report/svg/line-chart.js";
import { linearScale, tickText } from "../../src/cli/report/svg/scale.js";
import { printableJson } from "../../src/common/printable.js";
import { readRun } from "../../src/runtime/run/runs.js";
import { tempDir } from "../data/support.js";
import { makeProject } from "../runtime/tiny.js";
import { fslc } from "./command-line.js";
import { experimentText, writeReportRun } from "./report-run.js";

let project = "";
let run = "";
beforeEach(() => {
  project = tempDir();
  writeFileSync(join(project, "package.json"), "{}");
  run = writeReportRun(project);
});

const folder = (): string => join(project, ".fslc", "runs", run);
const record = () => {
  const found = readRun(folder());
  if (found === undefined) throw new Error("no run");
  return found;
};

async function report(...options: string[]): Promise<string> {
  const file = join(project, "out.html");
  const { code, err } = await fslc("report", "--project", project, "-o", file, ...options);
  expect(err).toBe("");
  expect(code).toBe(0);
  return readFileSync(file, "utf8");
}

/** Throws unless every element is closed in its order and every attribute is quoted, and returns the names of the elements. */
function elementsOf(text: string): string[] {
  const open: string[] = [];
  const names: string[] = [];
  const body = text.replace("<!doctype html>", "").replace(/<style>[^<]*<\/style>/g, "<style></style>");
  const tag = /<(\/?)([A-Za-z0-9]+)((?:\s+[\w:-]+="[^"<>]*")*)\s*(\/?)>/y;
  for (let at = body.indexOf("<"); at >= 0; at = body.indexOf("<", tag.lastIndex)) {
    tag.lastIndex = at;
    const [, closing, name = "", , empty] = tag.exec(body) ?? [];
    if (name === "") throw new Error(`no tag: ${body.slice(at, at + 60)}`);
    if (closing === "/") expect(open.pop()).toBe(name);
    else {
      names.push(name);
      if (empty !== "/") open.push(name);
    }
  }
  expect(open).toEqual([]);
  expect(body.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, "")).not.toContain("&");
  return names;
}

describe("the data of a report", () => {
  test("hold what the run recorded, whatever the figures show of it", () => {
    const { sources, trainings, stages, results, ...rest } = readReport(record());
    expect(printableJson(rest, 2)).toMatchSnapshot();
    expect(sources).toEqual([{ id: "birds.fsl", sha256: expect.any(String), text: experimentText }]);
    expect(stages.map(({ outline, outcome, seconds }) => [outline.id, outcome, seconds])).toEqual([
      ["drawings", "run", 7.2],
      ["base", "stored", undefined],
      ["proto", "run", expect.any(Number)],
      ["test", "run", 1.3],
      ["pixels", "run", 1.3],
    ]);
    expect(trainings.map(({ stage, history, curve }) => [stage, history.length, curve.length])).toEqual([
      ["proto", 4, 40],
    ]);
    expect(results.map(({ stage, mean }) => [stage, mean])).toEqual([
      ["test", 0.7831],
      ["pixels", 0.4127],
    ]);
  });

  test("have no text of an experiment whose copy was changed", async () => {
    writeFileSync(join(folder(), "source", "birds.fsl"), "fsl 1\n// another text");
    expect(readReport(record()).sources[0]?.text).toBeUndefined();
    expect(await report()).toContain("is missing or is not as it was written");
  });
});

describe("the page", () => {
  test("needs no script, no other file and no network", async () => {
    const html = await report();
    const elements = new Set(elementsOf(html));
    for (const name of ["script", "link", "img", "iframe", "a", "object", "image", "use"]) {
      expect(elements).not.toContain(name);
    }
    expect(html).not.toMatch(/https?:|url\(|@import/);
    expect(html).toContain("default-src 'none'");
  });

  test("shows names from data as text", async () => {
    const html = await report();
    expect(html).not.toContain("<script");
    expect(html).not.toContain("\x1b");
    expect(html).not.toContain("\u202e");
    expect(html).toContain(
      "&lt;/td&gt;&lt;/svg&gt;&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39; onload=&#39;&amp;amp;·[31m·",
    );
  });

  test("describes each picture in words and has headings, a language and a title", async () => {
    const html = await report();
    const pictures = html.match(/<svg [^>]*>/g) ?? [];
    expect(pictures).toHaveLength(8);
    for (const picture of pictures) expect(picture).toMatch(/role="img" aria-label="[^"]{10,}"/);
    expect(html).toContain('<html lang="en">');
    expect(html).toContain("<title>birds.fsl · 20260101-120000</title>");
    expect([...html.matchAll(/<h2 [^>]*>([^<]*)/g)].map(([, title]) => title)).toEqual([
      "Results",
      "Training",
      "Classes",
      "Stages",
      "Parameters and data",
      "Experiment",
      "Environment",
      "How to repeat it",
    ]);
  });

  test("of a run that failed says what failed", async () => {
    const path = join(folder(), "events.ndjson");
    const lines = readFileSync(path, "utf8").trimEnd().split("\n").slice(0, -3);
    const failed = { time: 1, type: "stage.failed", stage: "pixels", code: "FSL7005", message: "it <broke>" };
    writeFileSync(path, `${[...lines, JSON.stringify(failed)].join("\n")}\n`);
    const html = await report();
    elementsOf(html);
    expect(html).toContain("The run has not ended");
    expect(html).toContain("pixels failed (FSL7005): it &lt;broke&gt;");
  });
});

describe("the command", () => {
  test("writes into the folder of the run, and with --figures an SVG and a CSV for each figure", async () => {
    const figures = join(project, "figures");
    const { code, out } = await fslc("report", "last", "--project", project, "--figures", figures);
    expect(code).toBe(0);
    expect(out).toContain("report.html");
    expect(readdirSync(folder())).toContain("report.html");
    expect(readdirSync(figures).filter((name) => name.endsWith(".svg"))).toEqual([
      "classes-test.svg",
      "confusion-test.svg",
      "results-accuracy.svg",
      "stages.svg",
      "training-proto-accuracy.svg",
      "training-proto-loss.svg",
      "training-proto-rate.svg",
      "training-proto-validation.svg",
    ]);
    for (const name of readdirSync(figures).filter((one) => one.endsWith(".svg"))) {
      const svg = readFileSync(join(figures, name), "utf8");
      elementsOf(svg);
      expect(svg).toContain('xmlns="http://www.w3.org/2000/svg"');
    }
    expect(readFileSync(join(figures, "results-accuracy.csv"), "utf8")).toBe(
      "stage,row,metric,mean,ci95,episodes,protocol\r\n" +
        "test,,accuracy,0.7831,0.0061,1000,\r\n" +
        "pixels,,accuracy,0.4127,0.0061,1000,\r\n",
    );
  });

  test("says which run it does not know, and which file it cannot write", async () => {
    const unknown = await fslc("report", "nope", "--project", project);
    expect([unknown.code, unknown.err]).toEqual([3, expect.stringContaining("FSL7051")]);
    const blocked = await fslc("report", "--project", project, "-o", join(project, "package.json", "x.html"));
    expect([blocked.code, blocked.err]).toEqual([1, expect.stringContaining("FSL7031")]);
  });
});

test("a real run writes its report at its end with --report", { timeout: 180_000 }, async () => {
  const { dir } = await makeProject();
  const file = join(dir, "x.fsl");
  writeFileSync(
    file,
    `fsl 1
import { prototypes } from "fsl:metrics"
import { folder } from "fsl:datasets"
param shots = 1 shot
dataset stripes = folder(root: "images") { train resize(20), center_crop(20), normalize  eval resize(20), center_crop(20), normalize }
episode task = 2 way, shots, 2 query
backbone raw { flatten as vector }
evaluate test { encoder raw  metric prototypes  episodes task from stripes.test, 20 episodes  report accuracy, per_class, confusion }
`,
  );
  const { code, err } = await fslc(
    ...["run", file, "--set", "shots=3", "--engine", "reference", "--reporter", "plain", "--report"],
  );
  const [, path = ""] = /^report: (.*)$/m.exec(err) ?? [];
  expect([code, path]).toEqual([0, expect.stringContaining("report.html")]);
  const html = readFileSync(path, "utf8");
  elementsOf(html);
  expect(html).toContain("2-way 3-shot, 2 queries a class of stripes.test");
  expect(html).toContain("fslc run x.fsl --set shots=3 --seed 0 --engine reference");
  expect(html).toContain("test: accuracy by class");
});

describe("how to repeat a run", () => {
  const start = () => record().start;

  test("is its command line, quoted for a shell", () => {
    const note = { name: "note", value: `it's $HOME; "x"`, origin: "--params" } as const;
    const [shots] = inputs().params;
    const params = shots === undefined ? [] : [shots, note];
    expect(repeatCommand({ ...start(), seed: 7, inputs: { ...inputs(), params } })).toBe(
      `fslc run birds.fsl --set shots=5 --set 'note=it'\\''s $HOME; "x"' --seed 7 --engine onnx --threads 2`,
    );
  });

  test("is not shown if a value has characters that a reader cannot copy", async () => {
    expect(repeatCommand(start())).toBeUndefined();
    const fixed = [{ name: "shots", value: 5, origin: "sweep" as const }];
    expect(repeatCommand({ ...start(), seed: 0, inputs: { ...inputs(), params: fixed } })).toContain(
      "fslc run birds.fsl --set shots=5 --seed 0",
    );
    expect(await report()).toContain("No command line repeats this run");
  });

  test("has the values and seeds of a sweep", () => {
    const variant = (shots: number, seed: number) => ({ values: { shots }, seed, stages: {} });
    const sweep = {
      params: [{ name: "shots", unit: "shot", values: [1, 5] }],
      seeds: [0, 1, 2],
      variants: [1, 5].flatMap((shots) => [0, 1, 2].map((seed) => variant(shots, seed))),
    } as const;
    const swept = { ...start(), sweep, inputs: { ...inputs(), params: [], asked: {} } };
    expect(repeatCommand(swept)).toBe("fslc run birds.fsl --sweep shots=1,5 --seeds 0..2");
    // Variants that no options give, as the API can start them.
    expect(repeatCommand({ ...swept, sweep: { ...sweep, variants: sweep.variants.slice(1) } })).toBeUndefined();
  });

  const inputs = () => {
    const recorded = start().inputs;
    if (recorded === undefined) throw new Error("no inputs");
    return recorded;
  };
});

test("a sweep shows a table of means over seeds, and a figure for each column", async () => {
  const stages = ["test", "pixels"];
  run = writeReportRun(project, (start) => ({
    ...start,
    sweep: {
      params: [],
      seeds: [0, 1],
      // The two evaluations of the invented run stand for one evaluation with two seeds.
      variants: stages.map((stage, seed) => ({ values: {}, seed, stages: { final: stage } })),
    },
  }));
  const [table] = readReport(record()).sweep;
  expect(table?.rowHeads).toEqual([{ stage: "final" }]);
  expect(table?.cells[0]?.[0]).toMatchObject({ mean: (0.7831 + 0.4127) / 2, ci95: expect.any(Number) });
  const html = await report();
  elementsOf(html);
  expect(html).toContain("accuracy in %: the mean over 2 seeds ± the half-width of its 95% t-interval over seeds.");
});

describe("figures", () => {
  test("a template escapes every value but markup", () => {
    expect(markup`<b title="${`"'<>&`}">${markup`<i>${1}</i>`}${["a", undefined]}</b>`.text).toBe(
      '<b title="&quot;&#39;&lt;&gt;&amp;"><i>1</i>a</b>',
    );
  });

  test("text is colored by the tokens of the grammar, and a broken text is shown in full", () => {
    expect(highlight('param n = 5 shot // <"\n', "x.fsl").text).toBe(
      '<span class="fsl-keyword">param</span> n = <span class="fsl-number">5</span> <span class="fsl-unit">shot</span> ' +
        '<span class="fsl-comment">// &lt;&quot;</span>\n',
    );
    const broken = 'fsl 1\r\nmeta { "open\n<<<<<<< § ~ é';
    const shown = highlight(broken, "x.fsl").text.replace(/<[^>]*>/g, "");
    expect(shown).toBe("fsl 1\nmeta { &quot;open\n&lt;&lt;&lt;&lt;&lt;&lt;&lt; § ~ é");
  });

  test("an axis has round ticks around its values, also if all are equal", () => {
    const axis = (...values: number[]) => linearScale(values, { from: 0, to: 100, ticks: 5 });
    expect(axis(0.61, 0.79).ticks).toEqual([0.6, 0.65, 0.7, 0.75, 0.8]);
    expect(axis(3, 97).ticks).toEqual([0, 20, 40, 60, 80, 100]);
    expect(axis(5, 5).at(5)).toBeCloseTo(50);
    expect(axis(Number.NaN).ticks).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect([0, 0.25, 2e-4, 1500, 20_000, 3e6].map(tickText)).toEqual(["0", "0.25", "2e-4", "1500", "20k", "3M"]);
  });

  test("a curve leaves out what is no number, and marks the best validation", () => {
    const line = [1, 2, 3].map((x) => ({ x, y: x === 2 ? Number.NaN : x }));
    const dots = [{ x: 2, y: 2, interval: Number.NaN, best: true }];
    const svg = lineChart({ label: "a curve", x: "step", note: "", line, dots }).text;
    elementsOf(svg);
    expect(svg).not.toContain("NaN");
    expect(svg).toContain('class="best"');
  });

  test("a result of one episode has a dot and no bar", () => {
    const svg = intervalChart("results", [{ name: "test", mean: 0.5, ci95: Number.NaN }]).text;
    expect(svg).not.toContain("NaN");
    expect(svg).toContain(">50.00 %</text>");
  });
});
