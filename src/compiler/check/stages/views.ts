/** The `views` line of a `pretrain`: how many augmented views of each image the loss sees. */
import { type Reported, reported } from "../core/reported.js";
import { describe } from "../core/values.js";
import type { StageContext } from "./context.js";
import { settingValue } from "./setting-value.js";
import { findLine } from "./stage-lines.js";

/** The most views. Each is an image that every step loads, transforms and embeds. */
const mostViews = 16;

/** Returns the number of `views 2`, or undefined without such a line. Reports FSL3009 for another value and FSL5008 for a number out of range. */
export function stageViews({ lines }: StageContext): number | undefined | Reported {
  const written = findLine(lines, "views", "setting");
  if (written === undefined) return undefined;
  const { checker } = written.scope;
  const what = "the number of views of an image";
  const value = settingValue(written, what);
  if (value === undefined) return reported;
  if (value.kind !== "int" || value.unit !== undefined) {
    checker.report("FSL3009", value.span, { what, expected: "a whole number", found: describe(value) });
    return reported;
  }
  if (value.value >= 2 && value.value <= mostViews) return value.value;
  checker.report("FSL5008", value.span, { what, range: `from 2 to ${mostViews}`, found: value.value });
  return reported;
}
