/** Says what differs between two runs: how they were started, their files, their data, and their results. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type DiffLine, diffLines } from "../../common/line-diff.js";
import { countText } from "../../compiler/typed/describe.js";
import type { Result, RunInputs, RunParam } from "../events/events.js";
import { sha256 } from "../system/sha256.js";
import { numericsOfStages, type RunRecord } from "./runs.js";

/** A thing that the runs do not share, with its value in each; undefined where a run does not have it. */
export interface Difference {
  readonly kind:
    | "experiment"
    | "seed"
    | "version"
    | "parameter"
    | "option"
    | "system"
    | "file"
    | "data"
    | "computed by";
  readonly name: string;
  readonly a: string | undefined;
  readonly b: string | undefined;
}

/** A file of the experiment that is not the same in both runs. The id of two experiments has both names. `lines` is undefined if a copy is missing or damaged. */
export interface SourceDifference {
  readonly id: string;
  readonly a: string | undefined;
  readonly b: string | undefined;
  readonly lines: readonly DiffLine[] | undefined;
}

/** A result of one or both runs. */
export interface ResultPair {
  readonly stage: string;
  readonly row: string;
  readonly metric: string;
  readonly a: Result | undefined;
  readonly b: Result | undefined;
}

export interface RunDifference {
  readonly a: RunRecord;
  readonly b: RunRecord;
  /** The runs that recorded no inputs, because an older version made them. */
  readonly unrecorded: readonly string[];
  readonly differences: readonly Difference[];
  readonly sources: readonly SourceDifference[];
  readonly results: readonly ResultPair[];
}

export function diffRuns(a: RunRecord, b: RunRecord): RunDifference {
  const values = (of: (run: RunRecord) => Values) => ({ a: of(a), b: of(b) });
  return {
    a,
    b,
    unrecorded: [a, b].filter(({ start }) => start.inputs === undefined).map(({ id }) => id),
    differences: [
      ...differing(
        "experiment",
        values(({ start }) => [["file", start.file]]),
      ),
      ...differing(
        "seed",
        values(({ start }) => [["seed", (start.sweep?.seeds ?? [start.seed]).join(", ")]]),
      ),
      ...differing(
        "version",
        values(({ start }) => [["fslc", start.version]]),
      ),
      ...differing("parameter", values(parametersOf)),
      ...differing("option", values(optionsOf)),
      ...differing(
        "file",
        values(({ start }) => (start.inputs?.files ?? []).map((one) => [one.path, one.digest])),
      ),
      ...differing("data", values(dataOf)),
      ...differing("computed by", values(enginesOf)),
      ...differing(
        "system",
        values(({ start }) => Object.entries(start.inputs?.system ?? {})),
      ),
    ],
    sources: sourceDifferences(a, b),
    results: pairResults(a.done?.results ?? [], b.done?.results ?? []),
  };
}

type Values = readonly (readonly [name: string, value: string])[];

/** Returns the named values that are not the same in both runs. */
function differing(kind: Difference["kind"], { a, b }: { readonly a: Values; readonly b: Values }): Difference[] {
  const [left, right] = [new Map(a), new Map(b)];
  return [...new Set([...left.keys(), ...right.keys()])]
    .map((name) => ({ kind, name, a: left.get(name), b: right.get(name) }))
    .filter((one) => one.a !== one.b);
}

/** Formats the value of a parameter as the language writes it, with its unit. */
export function parameterText({ value, unit }: Pick<RunParam, "value" | "unit">): string {
  return unit === undefined ? JSON.stringify(value) : countText(JSON.stringify(value), unit);
}

function parametersOf({ start }: RunRecord): Values {
  return [
    ...(start.inputs?.params ?? []).map((param) => [param.name, parameterText(param)] as const),
    ...sweptParametersOf(start),
  ];
}

/** Returns the parameters in which the variants of a run differ, each with all of its values. */
export function sweptParametersOf({ sweep }: RunRecord["start"]): Values {
  return (sweep?.params ?? []).map(({ name, values, ...unit }) => [
    name,
    values.map((value) => parameterText({ value, ...unit })).join(", "),
  ]);
}

/** Returns the options that were given, as on the command line. */
export function optionsOf({ start }: RunRecord): Values {
  return Object.entries(start.inputs?.asked ?? {}).map(([name, value]) => [`--${name}`, [value].flat().join(", ")]);
}

/** Returns the digest of the data of each dataset. */
export function dataOf({ start, done }: RunRecord): Values {
  const ingests = new Set(start.stages.flatMap(({ id, kind }) => (kind === "ingest" ? [id] : [])));
  return (done?.stages ?? []).flatMap(({ id, key }) => (ingests.has(id) ? [[id.replace(/^data:/, ""), key]] : []));
}

function enginesOf(run: RunRecord): Values {
  return [...numericsOfStages(run)].map(([stage, { engine, version, device, adapter, threads, precision }]) => [
    stage,
    `${engine} ${version} on ${adapter ?? device}, threads ${threads}${precision === undefined ? "" : `, ${precision}`}`,
  ]);
}

/** Compares files of the same name, and the two experiments also if their names differ. */
function sourceDifferences(a: RunRecord, b: RunRecord): SourceDifference[] {
  const sources = ({ start }: RunRecord) => new Map((start.inputs?.sources ?? []).map((one) => [one.id, one]));
  const [left, right] = [sources(a), sources(b)];
  const [from, to] = [a.start.file, b.start.file];
  const renamed = left.has(from) && right.has(to) && !left.has(to) && !right.has(from);
  const names = new Set([...left.keys(), ...right.keys()]);
  if (renamed) for (const name of [from, to]) names.delete(name);
  const pairs = [
    ...(renamed ? [{ id: `${from} → ${to}`, one: left.get(from), other: right.get(to) }] : []),
    ...[...names].map((id) => ({ id, one: left.get(id), other: right.get(id) })),
  ];
  return pairs.flatMap(({ id, one, other }) => {
    if (one?.sha256 === other?.sha256) return [];
    const [before, after] = [copiedText(a, one), copiedText(b, other)];
    const lines = before === undefined || after === undefined ? undefined : diffLines(before, after);
    return [{ id, a: one?.sha256, b: other?.sha256, lines }];
  });
}

/** Returns the text of a copy, an empty text for a file that the run does not have, or undefined if the copy is not as it was written. */
export function copiedText({ dir }: RunRecord, source: RunInputs["sources"][number] | undefined): string | undefined {
  if (source === undefined) return "";
  if (source.copy === undefined) return undefined;
  try {
    const text = readFileSync(join(dir, source.copy), "utf8");
    return sha256(text) === source.sha256 ? text : undefined;
  } catch {
    return undefined; // Someone has removed the copy. The digests still tell that the texts differ.
  }
}

function pairResults(a: readonly Result[], b: readonly Result[]): ResultPair[] {
  const nameOf = ({ stage, row = "", metric }: Result): string => JSON.stringify([stage, row, metric]);
  const names = new Set([...a, ...b].map(nameOf));
  return [...names].map((name) => {
    const [stage, row, metric] = JSON.parse(name) as [string, string, string];
    const of = (results: readonly Result[]) => results.find((one) => nameOf(one) === name);
    return { stage, row, metric, a: of(a), b: of(b) };
  });
}
