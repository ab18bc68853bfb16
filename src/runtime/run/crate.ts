/** Writes a run as an RO-Crate 1.1: a folder with the files of the run and `ro-crate-metadata.json`, which says what they are and how they were made. */
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, stat } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { replaceFile } from "../system/durable.js";
import { mostBytes, readRegularFile } from "../system/read-file.js";
import { reason } from "../system/reason.js";
import { sha256 } from "../system/sha256.js";
import { evaluationsOf, numericsOfStages, type RunRecord } from "./runs.js";

const metadataFile = "ro-crate-metadata.json";

/** An entity of the crate. References are objects with only an `@id`. */
interface Entity {
  readonly "@id": string;
  readonly "@type": string | readonly string[];
  readonly [property: string]: unknown;
}

/** The parts of the folder of a run that belong into a crate. Logs and what the run only needed while it went on do not. */
const parts = ["events.ndjson", "plan.json", "report.html", "source", "results"];

/** The kinds of files, by the end of their names. */
const formats: Readonly<Record<string, string>> = {
  ".fsl": "text/plain",
  ".html": "text/html",
  ".json": "application/json",
  ".ndjson": "application/x-ndjson",
};

/**
 * Writes the crate of a run into a new folder, and returns the path of its metadata.
 *
 * @throws DiagnosticError FSL7031 if the folder cannot be written or has something in it.
 */
export async function writeCrate(run: RunRecord, folder: string): Promise<string> {
  const path = join(folder, metadataFile);
  try {
    await mkdir(folder, { recursive: true });
    if ((await readdir(folder)).length > 0) throw new Error("it is not empty");
    for (const part of parts.filter((name) => existsSync(join(run.dir, name)))) {
      await cp(join(run.dir, part), join(folder, part), { recursive: true });
    }
    const files = await filesIn(folder);
    await replaceFile(path, `${JSON.stringify(describeCrate(run, files), null, 2)}\n`);
  } catch (error) {
    const why = error instanceof Error && !("code" in error) ? error.message : reason(error);
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: folder, why }), { cause: error });
  }
  return path;
}

/** A file of the crate, with its path in it. */
interface CrateFile {
  readonly id: string;
  readonly bytes: number;
  readonly digest: string;
}

async function filesIn(folder: string): Promise<CrateFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files: CrateFile[] = [];
  for (const path of paths.sort()) {
    const digest = sha256(readRegularFile(path, mostBytes.weights));
    files.push({ id: relative(folder, path).split(sep).join("/"), bytes: (await stat(path)).size, digest });
  }
  return files;
}

const reference = (id: string): { readonly "@id": string } => ({ "@id": id });

/** Returns the content of `ro-crate-metadata.json`. */
export function describeCrate(run: RunRecord, files: readonly CrateFile[]): object {
  const { id, start, done } = run;
  const { evaluations } = evaluationsOf(run);
  const began = new Date(start.time).toISOString();
  const ended = done === undefined ? {} : { endTime: new Date(done.time).toISOString() };
  const data = new Map(evaluations.flatMap(({ manifest }) => manifest.data.map((one) => [one.digest, one.dataset])));
  const fileEntities = files.map(
    ({ id: file, bytes, digest }): Entity => ({
      "@id": file,
      "@type": "File",
      name: file,
      contentSize: String(bytes),
      encodingFormat: formats[extname(file)] ?? "application/octet-stream",
      identifier: `sha256:${digest}`,
    }),
  );
  const dataEntities = [...data].map(
    ([digest, name]): Entity => ({
      "@id": `#data-${digest}`,
      "@type": "Dataset",
      name,
      identifier: `sha256:${digest}`,
    }),
  );
  const settings = settingsOf(run).map(
    ([name, value], i): Entity => ({ "@id": `#setting-${i}`, "@type": "PropertyValue", name, value }),
  );
  const results = (done?.results ?? []).map(
    ({ stage, row, metric, mean, ci95, episodes }, i): Entity => ({
      "@id": `#result-${i}`,
      "@type": "PropertyValue",
      name: [stage, row, metric].filter((part) => part !== undefined && part !== "").join(" "),
      value: mean,
      description: `the mean over ${episodes} episodes; the half-width of its 95% interval is ${ci95}`,
    }),
  );
  const status = done?.status === "done" ? "CompletedActionStatus" : "FailedActionStatus";
  const given = fileEntities.filter(({ "@id": file }) => String(file).startsWith("source/"));
  const made = fileEntities.filter(({ "@id": file }) => !String(file).startsWith("source/"));
  const graph: Entity[] = [
    {
      "@id": metadataFile,
      "@type": "CreativeWork",
      conformsTo: reference("https://w3id.org/ro/crate/1.1"),
      about: reference("./"),
    },
    {
      "@id": "./",
      "@type": "Dataset",
      name: `run ${id} of ${start.file}`,
      description:
        "A few-shot-learning experiment that fslc has run: its text, its settings, its events and its results.",
      datePublished: began,
      license: "not stated",
      hasPart: fileEntities.map((file) => reference(file["@id"])),
      mentions: reference("#run"),
    },
    {
      "@id": "#run",
      "@type": "CreateAction",
      name: `fslc run ${start.file}`,
      startTime: began,
      ...ended,
      actionStatus: `http://schema.org/${status}`,
      instrument: reference("#fslc"),
      object: [...given, ...dataEntities, ...settings].map((one) => reference(one["@id"])),
      result: [...made, ...results].map((one) => reference(one["@id"])),
    },
    {
      "@id": "#fslc",
      "@type": "SoftwareApplication",
      name: "fslc",
      version: start.version,
      softwareVersion: start.version,
    },
    ...fileEntities,
    ...dataEntities,
    ...settings,
    ...results,
  ];
  return { "@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph };
}

/** Returns everything beside texts and data that decided the numbers: seeds, parameters, options, and what computed each stage. */
function settingsOf(run: RunRecord): [name: string, value: string][] {
  const { seed, sweep, inputs } = run.start;
  const swept = (sweep?.params ?? []).map(({ name, values }): [string, string] => [name, JSON.stringify(values)]);
  const asked = Object.entries(inputs?.asked ?? {}).map(([name, value]): [string, string] => [
    `--${name}`,
    JSON.stringify(value),
  ]);
  const numerics = [...numericsOfStages(run)].map(
    ([stage, { engine, version, device, threads, precision }]): [string, string] => [
      `engine of ${stage}`,
      `${engine} ${version}, ${device}, ${threads} threads${precision === undefined ? "" : `, ${precision}`}`,
    ],
  );
  return [
    ["seed", (sweep?.seeds ?? [seed]).join(",")],
    ...(inputs?.params ?? []).map(({ name, value }): [string, string] => [name, JSON.stringify(value)]),
    ...swept,
    ...asked,
    ...numerics,
    ...Object.entries(inputs?.system ?? {}),
  ];
}
