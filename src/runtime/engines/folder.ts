/** The folder of the engines that fslc installs. There is one per user, shared by all projects, because an engine can be gigabytes. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** Returns the folder in `FSLC_ENGINES`, or else one in the platform's folder for user data. */
export function enginesFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env["FSLC_ENGINES"]) return resolve(env["FSLC_ENGINES"]);
  return join(dataFolder(env), "fslc", "engines");
}

function dataFolder(env: NodeJS.ProcessEnv): string {
  if (process.platform === "darwin") return join(homedir(), "Library", "Application Support");
  if (process.platform === "win32") return env["LOCALAPPDATA"] || join(homedir(), "AppData", "Local");
  return env["XDG_DATA_HOME"] || join(homedir(), ".local", "share");
}
