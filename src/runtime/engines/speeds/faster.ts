/** Tells who computed with the default engine on the CPU about a faster one, from what is known already. It measures nothing. */
import { missingEngine } from "../index.js";
import { glibcVersion } from "../onednn/glibc.js";
import { koffiFor, wheelFor } from "../onednn/pins.js";
import { keptSpeeds, type Speeds } from "./speeds.js";

/** The engine and device that computed a run, and its threads. */
export interface UsedEngine {
  readonly engine: string;
  readonly device: string;
  readonly threads: number;
}

/** The facts about this machine. */
export interface KnownHere {
  /** True if oneDNN's files are there. */
  readonly installed: boolean;
  /** True if `fslc engines install onednn` has files for this platform. */
  readonly installable: boolean;
  readonly speeds: Speeds;
}

/** A smaller gain is not worth a word. */
const leastGain = 1.2;

/** Returns a sentence about a faster engine, or undefined if none is known. */
export function fasterEngine({ engine, device }: UsedEngine, known: KnownHere): string | undefined {
  if (engine !== "onnx" || device !== "cpu") return undefined;
  if (!known.installed) {
    return known.installable
      ? "`fslc engines install onednn` adds an engine that took 0.5 to 0.6 of this one's processor time in trainings, where it was measured"
      : undefined;
  }
  const [ours, other] = [known.speeds.get("onnx"), known.speeds.get("onednn")];
  if (ours === undefined || other === undefined)
    return "oneDNN is installed too: with `--engine auto`, fslc measures which engine is faster here, and takes it";
  const gain = ours / other;
  return gain < leastGain
    ? undefined
    : `with \`--engine onednn\`, a trial step was ${gain.toFixed(1)} times as fast on this machine`;
}

/** Returns the sentence of `fasterEngine` for this machine. */
export async function fasterEngineHere(used: UsedEngine): Promise<string | undefined> {
  const { platform, arch } = process;
  const installed = (await missingEngine("onednn")) === undefined;
  const installable = koffiFor(platform, arch) !== undefined && wheelFor(platform, arch, glibcVersion()) !== undefined;
  return fasterEngine(used, { installed, installable, speeds: keptSpeeds(used.threads) });
}
