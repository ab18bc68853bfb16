/** The files of a profile: each stage writes one when it ends, and the run makes a table and a trace of them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Span } from "../../../grammar/ast.js";
import { SourceLines } from "../../compiler/diagnostics/source.js";
import { toFileName } from "../system/project.js";
import type { KernelTime, StageProfile } from "./summary.js";
import { chromeTrace, type Recorded } from "./trace.js";

interface StageFile {
  readonly profile: StageProfile;
  readonly events: readonly Recorded[];
}

/** The folder in that of a run in which its stages leave their profiles. */
const folderOf = (runDir: string): string => join(runDir, "profile");

/** Writes the profile of a stage into the folder of its run. */
export function writeStageProfile(runDir: string, file: StageFile): void {
  mkdirSync(folderOf(runDir), { recursive: true });
  writeFileSync(join(folderOf(runDir), `${toFileName(file.profile.stage)}.json`), JSON.stringify(file));
}

/** A line of the experiment or of the library. */
export interface Place {
  /** The file and the line, such as `examples/emoji.fsl:37`. */
  readonly line: string;
  /** The text of the line without its indentation. */
  readonly text: string;
}
export type PlacedKernelTime = Omit<KernelTime, "span"> & { readonly place?: Place };
export type PlacedProfile = Omit<StageProfile, "kernels"> & { readonly kernels: readonly PlacedKernelTime[] };

export interface RunProfile {
  /** The stages that were computed, in the order in which they ended. */
  readonly stages: readonly PlacedProfile[];
  /** The paths of the table as JSON and of the trace; undefined if no stage was computed. */
  readonly files: { readonly table: string; readonly trace: string } | undefined;
}

/**
 * Makes `profile.json` and `profile.trace.json` in the folder of a run of the profiles of its stages, which are removed. `source` gives
 * the text of a file that a span names.
 */
export function collectProfiles(runDir: string, source: (file: string) => string | undefined): RunProfile {
  const folder = folderOf(runDir);
  if (!existsSync(folder)) return { stages: [], files: undefined };
  const found = readdirSync(folder)
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as StageFile)
    .sort((a, b) => startOf(a) - startOf(b));
  const lines = new Map<string, SourceLines>();
  const placeOf = ({ file, start }: Span): Place => {
    const known = lines.get(file) ?? new SourceLines(source(file) ?? "");
    lines.set(file, known);
    const { line } = known.position(start);
    return { line: `${file}:${line}`, text: known.line(line).trim() };
  };
  const stages = found.map(({ profile: { kernels, ...rest } }) => ({
    ...rest,
    kernels: kernels.map(({ span, ...kernel }) => (span === undefined ? kernel : { ...kernel, place: placeOf(span) })),
  }));
  const files = { table: join(runDir, "profile.json"), trace: join(runDir, "profile.trace.json") };
  writeFileSync(files.table, `${JSON.stringify({ stages }, null, 2)}\n`);
  const traced = found.map(({ profile, events }) => ({ name: profile.stage, events }));
  writeFileSync(
    files.trace,
    chromeTrace(traced, (span) => placeOf(span).line),
  );
  rmSync(folder, { recursive: true, force: true });
  return { stages, files };
}

const startOf = ({ events }: StageFile): number => events[0]?.start ?? 0;
