/** Finds out whether oneDNN can be used on this machine, and if not, how to fix it. */
import type { Availability, Unavailability } from "../engine.js";
import { findOnednn, namedLibrary } from "./locate.js";
import { type Trial, tryOnednn } from "./trial.js";

export const installCommand = "fslc engines install onednn";
export const notInstalled: Unavailability = { why: "oneDNN is not installed", fix: installCommand };

export async function probeOnednn(env: NodeJS.ProcessEnv = process.env): Promise<Availability> {
  const location = findOnednn(env);
  if (location === undefined) return { available: false, ...notInstalled };
  const trial = await tryOnednn(location);
  if (trial.works) return { available: true, version: trial.version, devices: ["cpu"] };
  return { available: false, why: `${location.library} does not work: ${trial.why}`, fix: fixOf(trial, env) };
}

function fixOf({ missingLibrary }: Extract<Trial, { works: false }>, env: NodeJS.ProcessEnv): string {
  if (missingLibrary?.startsWith("libgomp"))
    return "install GNU's OpenMP library: `apt-get install libgomp1`, `dnf install libgomp`";
  if (namedLibrary(env) !== undefined)
    return `name another library in FSLC_ONEDNN, or unset it and run ${installCommand}`;
  return installCommand;
}
