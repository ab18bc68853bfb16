/** The lists of CUB-200-2011, whose lines are a number and a name. */
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";

/** Parses a file whose lines are a number and a name. @throws DiagnosticError FSL6004 for another line. */
export function parsePairs(path: string, text: string): [string, string][] {
  const lines = text.split(/\r?\n/);
  const rows: [string, string][] = [];
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const match = /^(\d+)\s+(\S.*?)\s*$/.exec(line);
    const [, id, name] = match ?? [];
    if (id === undefined || name === undefined) {
      const problem = "a number and a name are expected";
      throw new DiagnosticError(diagnostic("FSL6004", undefined, { file: path, line: i + 1, problem }));
    }
    rows.push([id, name]);
  }
  return rows;
}
