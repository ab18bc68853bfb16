/** The `validate` line of a training stage, and how long `patience` waits for a better validation. */
import type * as ast from "../../../../grammar/ast.js";
import type { Validation } from "../../typed/tree.js";
import { type Reported, reported } from "../core/reported.js";
import { describe } from "../core/values.js";
import { evaluate } from "../expressions/evaluate.js";
import type { StageContext } from "./context.js";
import { episodeCount, resolveValidationEpisodes } from "./episode-source.js";
import { settingValue } from "./setting-value.js";
import { isNotTestSplit } from "./splits.js";
import { findLine, type ScopedLine } from "./stage-lines.js";

/** Returns how a stage validates, or undefined without a `validate` line. */
export function stageValidation(context: StageContext): Validation | undefined | Reported {
  const written = findLine(context.lines, "validate", "validate");
  if (written === undefined) return stagePatience(context, undefined) === undefined ? undefined : reported;
  const { line, scope } = written;
  const from = resolveValidationEpisodes({ task: line.task, split: line.split, scope }, context);
  const episodes = episodeCount(line.count, scope);
  const everyEpochs = validationInterval(written);
  const row = from?.rows[0];
  if (everyEpochs === reported || from === undefined || row === undefined || episodes === undefined) return reported;
  if (!isNotTestSplit(from, "validate on", context)) return reported;
  const patience = stagePatience(context, everyEpochs);
  if (patience === reported) return reported;
  const validation = { task: row.task, split: from.split, episodes, everyEpochs, keepBest: line.keepBest };
  return patience === undefined ? validation : { ...validation, patience };
}

/** Returns the number of epochs between two validations, which is 1 if the line does not say it. */
function validationInterval({ line, scope }: ScopedLine<ast.ValidateLine>): number | Reported {
  const every = line.every === undefined ? undefined : evaluate(line.every, scope);
  if (every === undefined || every.kind === "anything") return 1;
  if (every.kind === "int" && every.unit === "epoch" && every.value >= 1) return every.value;
  const holes = { what: "how often to validate", expected: "epochs", found: describe(every) };
  scope.checker.report("FSL3010", line.every?.span ?? line.span, holes);
  return reported;
}

/**
 * Returns the epochs of `patience 10 epochs`, which training waits for a better validation, or undefined without such a
 * line. `interval` is the number of epochs between two validations, or undefined if the stage does not validate.
 */
function stagePatience({ decl, lines }: StageContext, interval: number | undefined): number | undefined | Reported {
  const written = findLine(lines, "patience", "setting");
  if (written === undefined) return undefined;
  const { line, scope } = written;
  const { checker } = scope;
  const value = settingValue(written, "how long to wait");
  if (value === undefined) return reported;
  if (value.kind !== "int" || value.unit !== "epoch") {
    const found = describe(value);
    checker.report("FSL3010", value.span, { what: "how long to wait", expected: "epochs", found });
    return reported;
  }
  if (interval === undefined) {
    const help = ["`patience` waits for a better validation: `validate task from birds.val, keep best`"];
    checker.report("FSL5001", line.span, { kind: decl.stage, stage: decl.name.text, line: "validate" }, { help });
    return reported;
  }
  if (value.value < interval) {
    const range = `at least ${interval}, the epochs between two validations`;
    checker.report("FSL5008", value.span, { what: "`patience`", range, found: value.value });
    return reported;
  }
  return value.value;
}
