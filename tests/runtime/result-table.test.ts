import { expect, test } from "vitest";
import { tableForms } from "../../src/cli/print/result-table/forms.js";
import type { Result } from "../../src/runtime/events/events.js";
import { labelledResults } from "../../src/runtime/run/labelled-results.js";
import { type ResultTable, resultTable, type TableRequest } from "../../src/runtime/run/result-table.js";
import type { RunRecord } from "../../src/runtime/run/runs.js";

interface Made {
  readonly shots?: readonly number[];
  readonly methods?: readonly string[];
  readonly seeds?: readonly number[];
  /** The mean of a result, or undefined for a stage that has not ended. */
  readonly mean: (shots: number, method: string, seed: number) => number | undefined;
  readonly more?: (method: string) => Partial<Result>;
}

/** A sweep over shots and methods with an evaluation `test`, and `pixels`, which depends on the shots and the seed only. */
function sweep({ shots = [1, 5], methods = ["a", "b"], seeds = [0, 1, 2], mean, more = () => ({}) }: Made): RunRecord {
  const variants = shots.flatMap((k) => methods.flatMap((method) => seeds.map((seed) => ({ k, method, seed }))));
  const testOf = (k: number, method: string, seed: number) => `test@shots=${k},method=${method},seed=${seed}`;
  const results: Result[] = [];
  const outlines = new Map<string, string>();
  for (const { k, method, seed } of variants) {
    const made = { metric: "accuracy", ci95: 0.02, episodes: 100 };
    const value = mean(k, method, seed);
    outlines.set(testOf(k, method, seed), `5-way ${k}-shot`);
    if (value !== undefined) results.push({ stage: testOf(k, method, seed), mean: value, ...made, ...more(method) });
    const pixels = `pixels@shots=${k},seed=${seed}`;
    if (!outlines.has(pixels)) results.push({ stage: pixels, mean: 0.3, ...made });
    outlines.set(pixels, `5-way ${k}-shot`);
  }
  return {
    id: "r",
    dir: "r",
    start: {
      time: 0,
      type: "run.start",
      run: "r",
      file: "x.fsl",
      version: "0",
      seed: 0,
      sweep: {
        params: [
          { name: "shots", unit: "shot", values: shots },
          { name: "method", values: methods },
        ],
        seeds,
        variants: variants.map(({ k, method, seed }) => ({
          values: { shots: k, method },
          seed,
          stages: { test: testOf(k, method, seed), pixels: `pixels@shots=${k},seed=${seed}` },
        })),
      },
      stages: [...outlines].map(([id, protocol]) => ({
        id,
        kind: "evaluate",
        name: id,
        needs: [],
        protocols: [protocol],
      })),
    },
    done: { time: 1, type: "run.done", status: "done", results, seconds: 1 },
  };
}
const tableOf = (run: RunRecord, request?: TableRequest): ResultTable => resultTable(labelledResults(run), request);
const steps = sweep({ mean: (k, method, seed) => (method === "a" ? 0.5 : 0.6) + k / 100 + seed / 100 });

test("the mean over seeds has the t-interval over seeds", () => {
  const { cells, rowHeads, colHeads, interval } = tableOf(steps);
  expect(rowHeads).toEqual([{ stage: "test", method: "a" }, { stage: "test", method: "b" }, { stage: "pixels" }]);
  expect(colHeads).toEqual([{ shots: 1 }, { shots: 5 }]);
  expect(interval).toBe("over");
  // Of 0.51, 0.52 and 0.53: the standard deviation is 0.01, and the quantile of t with 2 degrees of freedom is 4.3027.
  expect(cells[0]?.[0]?.mean).toBeCloseTo(0.52, 12);
  expect(cells[0]?.[0]?.ci95).toBeCloseTo((4.302652729911275 * 0.01) / Math.sqrt(3), 10);
  expect(cells[0]?.[0]?.values.map(({ labels }) => labels["seed"])).toEqual([0, 1, 2]);
});

test("what changes the protocol stands in the columns, and a result that a parameter does not change has no label of it", () => {
  const { rows, cols, over } = tableOf(steps);
  expect({ rows, cols, over }).toEqual({ rows: ["stage", "method"], cols: ["shots"], over: ["seed"] });
  const turned = tableOf(steps, { rows: ["shots"], cols: ["method"] });
  expect(turned.rows).toEqual(["shots", "stage"]);
  expect(turned.colHeads).toEqual([{ method: "a" }, { method: "b" }, {}]);
});

test("the best of each column is marked, apart for transductive methods", () => {
  const best = (table: ResultTable) => table.cells.map((row) => row.map((cell) => cell?.best));
  expect(best(tableOf(steps))).toEqual([
    [false, false],
    [true, true],
    [false, false],
  ]);
  const transductive = sweep({
    methods: ["a", "b", "c"],
    mean: (_, method) => ({ a: 0.5, b: 0.9, c: 0.8 })[method] ?? 0,
    more: (method) => (method === "a" ? {} : { transductive: true }),
  });
  expect(best(tableOf(transductive)).map(([first]) => first)).toEqual([true, true, false, false]);
});

test("results with different protocols are not ranked", () => {
  const { cells } = tableOf(steps, { rows: ["shots"], over: ["seed", "method"] });
  expect(cells.flat().filter((cell) => cell?.best)).toHaveLength(2);
  const together = tableOf(sweep({ methods: ["a"], mean: (k) => k / 10 }), {
    rows: ["shots", "method"],
    cols: ["stage"],
  });
  expect(together.cells.flat().map((cell) => cell?.best)).toEqual([false, false, false, false]);
});

test("with one seed, the interval is that over episodes", () => {
  const { interval, cells } = tableOf(sweep({ seeds: [4], mean: () => 0.5 }));
  expect(interval).toBe("episodes");
  expect(cells[0]?.[0]?.ci95).toBe(0.02);
  const text = tableForms.text({ ...tableOf(sweep({ seeds: [4], mean: () => 0.5 })), units: {} }, widths);
  expect(text).toContain("its 95% interval over episodes");
});

test("a run that has not ended has a table of what it has, with the number of seeds", () => {
  const part = sweep({ mean: (k, method, seed) => (method === "b" && (k === 5 || seed > 0) ? undefined : 0.5) });
  const table = { ...tableOf(part), units: { shots: "shot" } };
  expect(table.cells[1]?.[0]).toMatchObject({ mean: 0.5, ci95: undefined });
  expect(table.cells[1]?.[1]).toBeUndefined();
  expect(tableForms.text(table, widths)).toMatchInlineSnapshot(`
    "stage   method        1 shot         5 shot
    ──────  ──────  ─────────────  ─────────────
    test    a       50.00 ± 0.00*  50.00 ± 0.00*
    test    b          50.00* (1)             –
    pixels  –       30.00 ± 0.00   30.00 ± 0.00

    accuracy in %: the mean over 3 seeds ± the half-width of its 95% t-interval over
    seeds.
    A number in parentheses is that of the seeds, where there are fewer than 3.
    * The best of its column.
    "
  `);
});

test("a run of an older version, which recorded no protocols, has its rows in the columns", () => {
  const { start, done } = steps;
  const { sweep: _, ...alone } = start;
  const results = ["1 shot", "5 shot"].flatMap((row) =>
    ["proto", "pixels"].map((stage) => ({ stage, row, metric: "accuracy", mean: 0.5, ci95: 0.1, episodes: 9 })),
  );
  const stages = ["proto", "pixels"].map((id) => ({ id, kind: "evaluate" as const, name: id, needs: [] }));
  const old = { ...steps, start: { ...alone, stages }, done: done && { ...done, results } };
  const { rows, colHeads } = tableOf(old);
  expect(rows).toEqual(["stage"]);
  expect(colHeads).toEqual([{ row: "1 shot" }, { row: "5 shot" }]);
});

// ---------------------------------------------------------------- forms

const widths = { table: 80, text: 80, colorLevel: 0 as const };
const hostile = sweep({
  shots: [1],
  methods: ["a_b", 'say "x", | & y'],
  seeds: [0, 1],
  mean: (_, method, seed) => (method === "a_b" ? 0.7 : 0.6) + seed / 10,
  more: (method) => (method === "a_b" ? {} : { transductive: true }),
});

test.each(["text", "markdown", "latex", "csv"] as const)("as %s", (form) => {
  expect(tableForms[form]({ ...tableOf(steps), units: { shots: "shot" } }, widths)).toMatchSnapshot();
  expect(tableForms[form]({ ...tableOf(hostile), units: {} }, widths)).toMatchSnapshot();
});

test("as JSON, each cell has the results that it is the mean of", () => {
  const { cells, ...rest } = JSON.parse(tableForms.json({ ...tableOf(steps), units: {} })) as {
    cells: { n: number; best: boolean; values: unknown[] }[];
  };
  expect(rest).toEqual({
    metric: "accuracy",
    rows: ["stage", "method"],
    cols: ["shots"],
    over: ["seed"],
    interval: "over",
  });
  expect(cells).toHaveLength(6);
  expect(cells[0]).toMatchObject({ row: { stage: "test", method: "a" }, col: { shots: 1 }, n: 3, best: false });
  expect(cells[0]?.values[1]).toMatchObject({
    labels: { seed: 1 },
    stage: "test@shots=1,method=a,seed=1",
    episodes: 100,
  });
});

test("with color, the digits of the best are bold", () => {
  const text = tableForms.text({ ...tableOf(steps), units: {} }, { ...widths, colorLevel: 1 });
  expect(text).toContain("\u001b[1m62.00 ± 2.48*\u001b[22m");
});
