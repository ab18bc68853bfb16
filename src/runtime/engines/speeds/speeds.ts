/**
 * The time of a training step of each engine on the CPU of this machine. It is measured once for each version of an engine, kind of
 * processor and number of threads, and kept in the folder of the engines.
 */
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { quietShare } from "../../system/bystanders.js";
import { replaceFile } from "../../system/durable.js";
import { threadUrl } from "../../system/thread-url.js";
import type { Availability } from "../engine.js";
import { engineEnvironment } from "../environment.js";
import { enginesFolder } from "../folder.js";
import { type EngineName, type EngineReport, engineNames, isEngineName, missingEngine, probeEngine } from "../index.js";
import { runCommand } from "../installing/command.js";
import { stepVersion } from "./step.js";

/** The seconds of a step, by engine. */
export type Speeds = ReadonlyMap<EngineName, number>;

/** The result of a trial. */
export interface Measured {
  /** The seconds of the fastest step. */
  readonly seconds: number;
  /** The share of the processor that other programs took meanwhile. */
  readonly others: number;
}

/** The time limit in ms of one engine. */
const limit = 60_000;

export const speedsFile = (): string => join(enginesFolder(), "speeds.json");

/** Measures one engine in a process of its own. Returns undefined if it fails. */
export async function measureEngine(name: EngineName, threads: number): Promise<Measured | undefined> {
  const child = fileURLToPath(threadUrl(import.meta.url, "./child.js"));
  const env = { ...process.env, ...engineEnvironment({ name, device: "cpu", threads }) };
  const signal = AbortSignal.timeout(limit);
  try {
    const outcome = await runCommand([process.execPath, child, name, String(threads)], { signal, env });
    const json = /^\{.*\}$/m.exec(outcome?.stdout ?? "")?.[0];
    return json === undefined ? undefined : (JSON.parse(json) as Measured);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

/**
 * Returns the speeds of the engines that compute on this machine's CPU: those that are kept, and the others after measuring them. If
 * fewer than two can compute there, nothing is measured, because there is nothing to choose. If other programs took part of the processor
 * during a trial, its time says little about the engine: then it returns none, and nothing is kept.
 */
export async function cpuSpeeds(
  reports: readonly EngineReport[],
  threads: number,
  measure: typeof measureEngine = measureEngine,
): Promise<Speeds> {
  const able = reports.flatMap(({ name, availability }) =>
    name !== "reference" && availability.available && availability.devices.includes("cpu")
      ? [{ name, key: keyOf(name, availability.version, threads) }]
      : [],
  );
  const speeds = new Map<EngineName, number>();
  if (able.length < 2) return speeds;
  const kept = readKept();
  const found: Record<string, number> = { ...kept };
  for (const { name, key } of able) {
    const { seconds, others } =
      kept[key] === undefined ? ((await measure(name, threads)) ?? failed) : { seconds: kept[key], others: 0 };
    if (others > quietShare) return new Map();
    if (seconds === undefined) continue;
    found[key] = seconds;
    speeds.set(name, seconds);
  }
  if (Object.keys(found).length > Object.keys(kept).length) await keep(found);
  return speeds;
}

/** The times that were measured beside other programs. They count in this process only. */
const unkept = new Map<string, number>();

/**
 * Returns the seconds of the trial step of one engine on the CPU, kept or measured, or undefined if it cannot compute there. A time that
 * was measured while other programs took part of the processor is returned, because they may be there in a run too, but not kept.
 */
export async function cpuSpeed(
  engine: string,
  threads: number,
  measure: typeof measureEngine = measureEngine,
  probe: typeof probeEngine = probeInstalled,
): Promise<number | undefined> {
  if (!isEngineName(engine) || engine === "reference") return undefined;
  const availability = await probe(engine);
  if (!availability.available) return undefined;
  const key = keyOf(engine, availability.version, threads);
  const known = readKept()[key] ?? unkept.get(key);
  if (known !== undefined) return known;
  const measured = await measure(engine, threads);
  if (measured === undefined) return undefined;
  if (measured.others <= quietShare) await keep({ ...readKept(), [key]: measured.seconds });
  else unkept.set(key, measured.seconds);
  return measured.seconds;
}

/** Probes an engine if its files are there. */
async function probeInstalled(name: EngineName): Promise<Availability> {
  const missing = await missingEngine(name);
  return missing === undefined ? await probeEngine(name) : { available: false, ...missing };
}

const failed = { seconds: undefined, others: 0 };

const keyOf = (name: EngineName, version: string, threads: number): string =>
  [name, version, `${threads} threads`, cpus()[0]?.model ?? process.arch, `step ${stepVersion}`].join(", ");

/** Returns the times that are kept for this processor and number of threads, of any version of an engine. It measures nothing. */
export function keptSpeeds(threads: number): Speeds {
  const kept = Object.entries(readKept());
  const found = engineNames.flatMap((name) => {
    const [before, after] = keyOf(name, "|", threads).split("|");
    const times = kept.flatMap(([key, seconds]) =>
      key.startsWith(before ?? "") && key.endsWith(after ?? "") ? [seconds] : [],
    );
    return times.length === 0 ? [] : [[name, Math.min(...times)] as const];
  });
  return new Map(found);
}

/** Returns the numbers that are kept, or none if the file is missing or damaged: they are measured again then. */
function readKept(): Readonly<Record<string, number>> {
  const file = speedsFile();
  if (!existsSync(file)) return {};
  try {
    const kept: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof kept !== "object" || kept === null) return {};
    return Object.fromEntries(Object.entries(kept).filter(([, seconds]) => Number.isFinite(seconds) && seconds > 0));
  } catch {
    return {};
  }
}

/** Keeps the numbers. In a folder that cannot be written they are measured again the next time. */
async function keep(speeds: Readonly<Record<string, number>>): Promise<void> {
  await replaceFile(speedsFile(), `${JSON.stringify(speeds, null, 2)}\n`).catch(() => undefined);
}
