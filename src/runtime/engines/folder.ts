/** Where engines lie that fslc itself installs: one folder per user, not per project. They are gigabytes, and all projects share them. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** `FSLC_ENGINES`, else where the platform keeps a user's data. */
export function enginesFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env["FSLC_ENGINES"]) return resolve(env["FSLC_ENGINES"]);
  return join(dataFolder(env), "fslc", "engines");
}

function dataFolder(env: NodeJS.ProcessEnv): string {
  if (process.platform === "darwin") return join(homedir(), "Library", "Application Support");
  if (process.platform === "win32") return env["LOCALAPPDATA"] || join(homedir(), "AppData", "Local");
  return env["XDG_DATA_HOME"] || join(homedir(), ".local", "share");
}
