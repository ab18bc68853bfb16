/** Defines the exit codes of fslc, which scripts and CI read. */
export const exitCodes = {
  done: 0,
  /** A stage failed while it ran, or something outside the experiment file went wrong. */
  failed: 1,
  /** The experiment file, or a file that it imports, has errors. */
  invalid: 2,
  /** The command line asks for something that does not exist. */
  usage: 3,
  interrupted: 130,
} as const;

/** The codes of diagnostics about the command line (engines and devices by name, files, options), not about the experiment. */
const usageCodes = new Set([
  "FSL7001",
  "FSL7002",
  "FSL7008",
  "FSL7040",
  "FSL7041",
  "FSL7042",
  "FSL7043",
  "FSL7050",
  "FSL7051",
  "FSL7052",
  "FSL7055",
  "FSL7056",
  "FSL7060",
  "FSL7061",
  "FSL7062",
]);

/** Returns true if a diagnostic with this code is about the command line, so that the exit code is 3. */
export function isUsageCode(code: string): boolean {
  return usageCodes.has(code);
}
