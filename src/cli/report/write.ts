/** Writes the report of a run and its figures to files. */
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { RunRecord } from "../../runtime/run/runs.js";
import { replaceFile } from "../../runtime/system/durable.js";
import { reason } from "../../runtime/system/reason.js";
import { readReport } from "./data.js";
import { figureFiles } from "./figure-files.js";
import { makeFigures } from "./figures.js";
import { reportPage } from "./page.js";

export interface ReportPlaces {
  /** The file of the report. The default is `report.html` in the folder of the run. */
  readonly page?: string;
  /** The folder for the figures, which are written only if it is given. */
  readonly figures?: string;
}

/** Writes the files, each completely or not at all, and returns the path of the report. @throws DiagnosticError FSL7031 if one cannot be written. */
export async function writeReport(run: RunRecord, places: ReportPlaces = {}): Promise<string> {
  const { page = join(run.dir, "report.html"), figures: folder } = places;
  const data = readReport(run);
  const figures = makeFigures(data);
  await writeOut(page, reportPage(data, figures));
  if (folder !== undefined) {
    for (const { name, text } of figureFiles(figures)) await writeOut(join(folder, name), text);
  }
  return page;
}

async function writeOut(path: string, text: string): Promise<void> {
  try {
    await replaceFile(path, text);
  } catch (error) {
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path, why: reason(error) }), { cause: error });
  }
}
