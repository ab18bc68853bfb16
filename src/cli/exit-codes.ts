/** The exit codes: scripts and CI read these. */
export const exitCodes = {
  done: 0,
  /** A stage failed while it ran, or something else outside the file went wrong. */
  failed: 1,
  /** The experiment file (or one that it imports) has errors. */
  invalid: 2,
  /** The command line asked for something that is not there. */
  usage: 3,
  interrupted: 130,
} as const;

/** Diagnostics about what was asked for, not about the experiment: engines and devices by name, files, options. */
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
]);

export function isUsageCode(code: string): boolean {
  return usageCodes.has(code);
}
