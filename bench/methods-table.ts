/** Makes the rows of the table of methods, and the table as Markdown. */
import type { EvaluateStage } from "../src/compiler/typed/tree.js";

export const families = ["baseline", "metric", "meta-learning", "fine-tuning", "transductive"] as const;
export type Family = (typeof families)[number];

export interface MethodRow {
  /** A short description: the first line of its file. */
  readonly what: string;
  readonly family: Family;
  /** Whether it is transductive: it sees all queries of an episode together. */
  readonly transductive: boolean;
  /** Accuracies by the label of the evaluation's row, such as `1 shot`: fractions with the half-width of the 95% interval. */
  readonly accuracy: Readonly<Record<string, { readonly mean: number; readonly ci95: number }>>;
  /** The time of its own stages, without stages that it shares with other methods. */
  readonly seconds: number;
  /** The peak memory of its stages in bytes; unknown if a result came from an older entry of the store. */
  readonly memory: number | undefined;
}
export interface Saved {
  readonly machine: string;
  /** The rows by the name of the method. */
  readonly rows: Readonly<Record<string, MethodRow>>;
  /** The diagnostics of the methods that have no row. */
  readonly failed: Readonly<Record<string, readonly string[]>>;
}

const libraries: Readonly<Record<string, Family>> = {
  metrics: "metric",
  meta: "meta-learning",
  finetuning: "fine-tuning",
  transductive: "transductive",
  "fine-grained": "metric",
  generated: "metric",
};

/** Returns the family of a method: that of the library file with the evaluated metric, or fine-tuning if a head is fitted at test time. */
export function familyOf(stage: EvaluateStage, text: string): Family {
  const { name, entries } = stage.metric.value;
  const entry = entries["classify"];
  const imports = [...text.matchAll(/import \{([^}]*)\} from "fsl:([\w-]+)"/g)];
  const own = imports.find(([, names = ""]) => names.split(",").some((each) => each.trim() === name));
  const family = libraries[own?.[2] ?? ""] ?? "baseline";
  const fits = entry?.body.statements.some(({ kind }) => kind === "minimize") === true;
  return family === "metric" && fits ? "fine-tuning" : family;
}

const shots = ["1 shot", "5 shot"];
export const marks = { begin: "<!-- table: begin -->", end: "<!-- table: end -->" } as const;

/** Returns the table by family, with the best at one shot first. */
export function rendered({ machine, rows, failed }: Saved): string {
  const all = Object.entries(rows);
  const first = (row: MethodRow): number => row.accuracy["1 shot"]?.mean ?? 0;
  const lines = families.flatMap((family) =>
    all
      .filter(([, row]) => row.family === family)
      .sort(([, a], [, b]) => first(b) - first(a))
      .map(([name, row]) => {
        const sees = row.transductive ? "together" : "one by one";
        const cells = [name, family, sees, ...shots.map((label) => accuracy(row, label)), time(row), memory(row)];
        return `| ${cells.join(" | ")} |`;
      }),
  );
  const lost = Object.entries(failed).map(([name, why]) => `\`${name}\` did not run: ${why.join("; ")}.`);
  return [
    "| method | family | queries | 1-shot, % | 5-shot, % | time | peak memory |",
    "|---|---|---|---|---|---|---|",
    ...lines,
    "",
    machine,
    ...(lost.length === 0 ? [] : ["", ...lost]),
  ].join("\n");
}

function accuracy(row: MethodRow, label: string): string {
  const found = row.accuracy[label];
  return found === undefined ? "" : `${(100 * found.mean).toFixed(1)} ± ${(100 * found.ci95).toFixed(1)}`;
}
const time = ({ seconds }: MethodRow): string =>
  seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
const memory = ({ memory: bytes }: MethodRow): string =>
  bytes === undefined ? "" : `${Math.round(bytes / 2 ** 20)} MiB`;

/** Returns the page with the table between its marks. @throws Error if the page has no marks. */
export function withTable(page: string, table: string): string {
  const [begin, end] = [page.indexOf(marks.begin), page.indexOf(marks.end)];
  if (begin < 0 || end < begin) throw new Error(`the page has no ${marks.begin} … ${marks.end}`);
  return `${page.slice(0, begin)}${marks.begin}\n${table}\n${page.slice(end)}`;
}
