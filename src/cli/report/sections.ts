/** Writes the sections of a report. Each is a function of the data and the figures; a section with nothing to show is left out. */
import { valueText } from "../../compiler/stages/variants.js";
import { columnTexts, explanations, headText, marks, numberText } from "../print/result-table/cells.js";
import { count, duration, engineAndDevice, interval, plural, seedsText } from "../view/format.js";
import type { ReportData, ReportResult } from "./data.js";
import { type Figure, type Figures, rowName } from "./figures.js";
import { highlight } from "./highlight.js";
import { type Markup, markup, type Piece } from "./markup.js";
import { table } from "./table.js";

/** The sections in the order of the page. */
export function sectionsOf(data: ReportData, figures: Figures): readonly (Markup | undefined)[] {
  return [
    problems(data),
    sweep(data, figures),
    results(data, figures),
    trainings(data, figures),
    classes(figures),
    section("stages", "Stages", figures.stages.length > 0 && [gallery(figures.stages), stagesTable(data)]),
    inputs(data),
    experiment(data),
    environment(data),
    repeat(data),
  ];
}

function section(id: string, title: string, content: readonly Piece[] | false): Markup | undefined {
  if (content === false) return undefined;
  return markup`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${content}</section>`;
}

/** The most rows of a table below a figure. The files of `--figures` have all of them. */
const mostRows = 100;

function gallery(figures: readonly Figure[]): Markup {
  const shown = figures.map(
    ({ title, svg, data }) =>
      markup`<figure><figcaption>${title}</figcaption>${svg}${data.rows.length > mostRows ? undefined : numbers(title, data)}</figure>`,
  );
  return markup`<div class="figures">${shown}</div>`;
}

function numbers(title: string, { columns, rows }: Figure["data"]): Markup {
  const isNumber = columns.map((_, i) => rows.some((row) => typeof row[i] === "number"));
  const heads = columns.map((name, i) => ({ name, ...(isNumber[i] === true ? { number: true as const } : {}) }));
  const cells = rows.map((row) =>
    row.map((cell) => (typeof cell === "number" ? `${Number(cell.toPrecision(6))}` : cell)),
  );
  return markup`<details><summary>Numbers of this figure</summary>${table(title, heads, cells)}</details>`;
}

function problems({ stages, damaged, status }: ReportData): Markup | undefined {
  const texts = [
    ...(status === "unfinished" ? ["The run has not ended: it is going on, or it was killed."] : []),
    ...(status === "interrupted" ? ["The run was interrupted. Finished stages are kept."] : []),
    ...stages.flatMap(({ outline, failure }) =>
      failure === undefined ? [] : [`${outline.id} failed (${failure.code}): ${failure.message}`],
    ),
    ...damaged.map(({ stage, problem }) => `The files of ${stage} in this run are damaged: ${problem}`),
    ...stages.flatMap(({ outline, warnings }) => warnings.map((warning) => `${outline.id}: ${warning}`)),
  ];
  if (texts.length === 0) return undefined;
  return section(
    "problems",
    "Problems",
    texts.map((text) => markup`<p class="alert">${text}</p>`),
  );
}

function results({ results: all }: ReportData, figures: Figures): Markup | undefined {
  if (all.length === 0) return undefined;
  const columns = [
    { name: "stage" },
    { name: "metric" },
    { name: "mean ± 95% interval", number: true },
    { name: "episodes", number: true },
    { name: "protocol" },
  ] as const;
  const rows = all.map((one) => [
    rowName(one),
    metricText(one),
    interval(one.mean, one.ci95),
    count(one.episodes),
    one.protocol,
  ]);
  return section("results", "Results", [
    figures.results.length === 0 ? undefined : gallery(figures.results),
    table("Means over episodes with their 95% intervals", columns, rows),
    ...resultNotes(all).map((note) => markup`<p class="soft">${note}</p>`),
  ]);
}

function metricText({ metric, sampled, transductive, assumes = [] }: ReportResult): string {
  return [
    metric,
    ...(sampled ? ["sampled"] : []),
    ...(transductive ? ["transductive"] : []),
    ...assumes.map((one) => `assumes ${one}`),
  ].join(", ");
}

function resultNotes(all: readonly ReportResult[]): string[] {
  const protocols = new Set(all.map(({ protocol }) => protocol ?? ""));
  const kinds = new Set(all.map(({ transductive }) => transductive === true));
  return [
    ...(protocols.size > 1 ? ["Only results with the same protocol can be ranked."] : []),
    ...(kinds.size > 1
      ? ["Transductive methods see all queries of an episode together. Do not rank them with the other methods."]
      : []),
    ...all.flatMap((one) =>
      one.unscored === undefined || one.metric !== "accuracy"
        ? []
        : [
            `${rowName(one)}: ${plural(one.unscored, "query", "queries")} got scores that are not numbers and count as wrong.`,
          ],
    ),
  ];
}

function sweep({ sweep: tables }: ReportData, figures: Figures): Markup | undefined {
  const shown = tables.map((one) => {
    const heads = [
      ...one.rows.map((name) => ({ name })),
      ...columnTexts(one).map((name) => ({ name, number: true as const })),
    ];
    const rows = one.rowHeads.map((head, i) => [
      ...one.rows.map((name) => headText(name, head, one)),
      ...(one.cells[i] ?? []).map((cell) =>
        cell === undefined
          ? "–"
          : markup`${cell.best ? markup`<b>${numberText(cell)}</b>` : numberText(cell)}${marks(cell, one)}`,
      ),
    ]);
    const notes = [...explanations(one), "The best of each column is bold."];
    return [table(`${one.metric} by variant`, heads, rows), notes.map((note) => markup`<p class="soft">${note}</p>`)];
  });
  return section("sweep", "Sweep", tables.length > 0 && [gallery(figures.sweep), shown]);
}

/** The most figures of classes that are open at first. */
const openClasses = 6;

function classes({ perClass, confusions }: Figures): Markup | undefined {
  const groups = [
    { title: "Accuracy by class", figures: perClass },
    { title: "Confusions", figures: confusions },
  ].filter((group) => group.figures.length > 0);
  const shown =
    perClass.length + confusions.length <= openClasses
      ? gallery(groups.flatMap((group) => group.figures))
      : groups.map(
          (group) =>
            markup`<details class="fold"><summary>${group.title}: ${plural(group.figures.length, "figure")}</summary>${gallery(group.figures)}</details>`,
        );
  return section("classes", "Classes", groups.length > 0 && [shown]);
}

/** The most trainings whose figures are open at first. A sweep can have hundreds. */
const openTrainings = 3;

function trainings({ trainings: all }: ReportData, figures: Figures): Markup | undefined {
  const shown = all.map((training, i) => {
    const content = [markup`<p class="soft">${trainingNote(training)}</p>`, gallery(figures.trainings[i] ?? [])];
    if (all.length <= openTrainings) return markup`<h3>${training.stage}</h3>${content}`;
    return markup`<details class="fold"><summary>${training.stage}</summary>${content}</details>`;
  });
  return section("trainings", "Training", shown.length > 0 && shown);
}

function trainingNote({ curve, weightsFrom }: ReportData["trainings"][number]): string {
  const notes = [
    ...(weightsFrom === undefined
      ? []
      : [
          `Later stages use its weights of epoch ${weightsFrom.epoch}, step ${count(weightsFrom.step)} (${weightsFrom.choice}).`,
        ]),
    ...(curve.length === 0 ? ["It made no steps in this run, so there are no curves of them."] : []),
  ];
  return notes.join(" ");
}

function stagesTable({ stages }: ReportData): Markup {
  const outcomes = { run: "computed", stored: "from the store", failed: "failed", unfinished: "unfinished" } as const;
  const rows = stages.map(({ outline, outcome, seconds, key, numerics }) => [
    outline.id,
    outline.kind,
    outcomes[outcome],
    seconds === undefined ? "" : duration(seconds),
    numerics === undefined
      ? ""
      : `${engineAndDevice(numerics.engine, numerics)}, version ${numerics.version}, ${plural(numerics.threads, "thread")}`,
    key === undefined ? "" : markup`<code>${key.slice(0, 12)}</code>`,
  ]);
  const columns = [
    { name: "stage" },
    { name: "kind" },
    { name: "outcome" },
    { name: "took", number: true },
    { name: "computed by" },
    { name: "key" },
  ] as const;
  return table("How each stage ended", columns, rows);
}

function inputs({ params, options, seeds, data }: ReportData): Markup {
  const rows = [
    ...params.map(({ name, value, unit, origin }) => [
      name,
      `${valueText(value)}${unit === undefined ? "" : ` ${unit}`}`,
      origin === "default" ? "default of the file" : origin,
    ]),
    [seeds.length > 1 ? "seeds" : "seed", seedsText(seeds), ""],
    ...options.map(([name, value]) => [name, value, "option"]),
  ];
  const digests = data.map(([dataset, digest]) => [dataset, markup`<code class="digest">${digest}</code>`]);
  return markup`${section("inputs", "Parameters and data", [
    table("Parameters, seed and options", [{ name: "name" }, { name: "value" }, { name: "given by" }], rows),
    digests.length === 0 ? undefined : table("Datasets", [{ name: "dataset" }, { name: "digest" }], digests),
  ])}`;
}

function experiment({ sources }: ReportData): Markup | undefined {
  const texts = sources.map(({ id, sha256, text }) => {
    const body =
      text === undefined
        ? markup`<p class="alert">Its copy in the folder of the run is missing or is not as it was written.</p>`
        : markup`<pre tabindex="0"><code>${highlight(text, id)}</code></pre>`;
    return markup`<h3>${id}</h3>${body}<p class="soft digest">SHA-256 ${sha256}</p>`;
  });
  return section("experiment", "Experiment", texts.length > 0 && texts);
}

function environment({ version, system, stages }: ReportData): Markup {
  const engines = new Set(
    stages.flatMap(({ numerics: n }) =>
      n === undefined ? [] : [`${engineAndDevice(n.engine, n)}, version ${n.version}, ${plural(n.threads, "thread")}`],
    ),
  );
  const rows = [["fslc", version], ...system, ...[...engines].map((engine) => ["engine", engine])];
  return markup`${section("environment", "Environment", [table("Versions and machine", [{ name: "name" }, { name: "value" }], rows)])}`;
}

function repeat({ repeat: command, version, file }: ReportData): Markup | undefined {
  const content =
    command === undefined
      ? markup`<p>No command line repeats this run: an older version of fslc made it, the API started it in a way that has no options, or a value has characters that cannot be shown.</p>`
      : markup`<p>In the folder of the project, with the text of <code>${file}</code> and the data above, and fslc ${version}:</p><pre class="wrap" tabindex="0"><code>${command}</code></pre>`;
  return section("repeat", "How to repeat it", [content]);
}
