/** The files of a published data set: its texts, its files of MATLAB and its images. */
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../../../compiler/diagnostics/diagnostic.js";
import type { DataSource } from "../../../../compiler/typed/tree.js";
import { reason } from "../../../system/reason.js";
import { type FileTree, openFileTree, textError } from "../../file-tree.js";
import { listVariables, type MatContent } from "../../matrices/mat.js";
import { MatrixError } from "../../matrices/matrix.js";
import { readTextFile } from "../../text-file.js";
import { describeTree } from "../overview.js";
import { requireReadableRoot } from "../root.js";
import { layoutError, textArg } from "../source.js";

export class SetFiles {
  private constructor(
    readonly source: DataSource,
    readonly tree: FileTree,
  ) {}

  /** Lists the folder of a set. @throws DiagnosticError FSL6002 if it is no folder. */
  static open(source: DataSource, root: string): SetFiles {
    requireReadableRoot(source, root, { archives: [] });
    return new SetFiles(source, openFileTree(source, root));
  }

  get root(): string {
    return this.tree.root;
  }

  has(path: string): boolean {
    return this.tree.has(path);
  }

  /** Returns a text argument of the source. */
  argument(name: string, otherwise: string): string {
    return textArg(this.source, name, otherwise);
  }

  /** Returns the first of some paths that is there. @throws DiagnosticError FSL6002 if none is. */
  require(...paths: readonly string[]): string {
    const found = paths.find((path) => this.has(path));
    if (found !== undefined) return found;
    throw layoutError(this.source, this.root, `there is no ${paths.join(" and no ")}`, {
      help: describeTree(this.tree),
    });
  }

  /** Returns the lines of a text file without empty ones and without comments, which begin with `#`. */
  lines(path: string): string[] {
    const file = this.require(path);
    try {
      const lines = readTextFile(join(this.root, file)).split(/\r?\n/);
      return lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
    } catch (error) {
      throw textError(file, error);
    }
  }

  /** Returns the lines of a text file, cut at the first space. @throws DiagnosticError FSL6004 for a line without one. */
  pairs(path: string): (readonly [string, string])[] {
    return this.lines(path).map((line) => {
      const [, first, rest] = /^(\S+)\s+(\S.*)$/.exec(line) ?? [];
      if (first !== undefined && rest !== undefined) return [first, rest];
      const problem = `\`${line.slice(0, 60)}\` is not two values with a space between them`;
      throw new DiagnosticError(diagnostic("FSL6004", undefined, { file: path, line: 1, problem }));
    });
  }

  /** Returns a variable of a file of MATLAB. @throws DiagnosticError FSL6004 if the file is damaged or has no such variable. */
  variable(path: string, name: string): MatContent {
    const file = this.require(path);
    try {
      const found = listVariables(join(this.root, file)).find((variable) => variable.name === name);
      if (found === undefined) throw new MatrixError(`it has no variable \`${name}\``);
      return found.content();
    } catch (error) {
      if (error instanceof DiagnosticError) throw error;
      const problem = error instanceof MatrixError ? error.message : reason(error);
      throw new DiagnosticError(diagnostic("FSL6004", undefined, { file, line: 1, problem }), { cause: error });
    }
  }

  /** Returns the texts of a variable with cells. */
  texts(path: string, name: string): string[] {
    const content = this.variable(path, name);
    return content.kind === "cells" ? content.cells.map(textOf) : [];
  }

  /** Returns the numbers of a variable. */
  numbers(path: string, name: string): number[] {
    const content = this.variable(path, name);
    return content.kind === "numbers" ? Array.from({ length: content.count }, (_, i) => content.at(i)) : [];
  }

  /** Returns the records of a variable with fields. */
  records(path: string, name: string): readonly ReadonlyMap<string, MatContent>[] {
    const content = this.variable(path, name);
    return content.kind === "records" ? content.records : [];
  }
}

/** Returns the text of a value of MATLAB, or an empty one if it is none. */
export function textOf(content: MatContent | undefined): string {
  return content?.kind === "text" ? content.text : "";
}
/** Returns the first number of a value of MATLAB, or NaN if there is none. */
export function numberOf(content: MatContent | undefined): number {
  return content?.kind === "numbers" && content.count > 0 ? content.at(0) : Number.NaN;
}
