/** What a stage uses that checks but cannot be lowered yet. */
import type * as ast from "../../../grammar/ast.js";
import type { Holes } from "../diagnostics/code.js";
import { type CodeName, diagnostic, type registry } from "../diagnostics/diagnostic.js";
import type { Block, Blocker, Metric } from "../typed.js";

export function blocker<K extends CodeName>(code: K, span: ast.Span, holes: Holes<(typeof registry)[K]>): Blocker {
  return { code, message: diagnostic(code, span, holes).message, span };
}

/** Every node of a typed tree that has one of these tags. */
export function* nodes(tree: unknown): Generator<Record<string, unknown>> {
  if (typeof tree !== "object" || tree === null) return;
  if (Array.isArray(tree)) {
    for (const item of tree) yield* nodes(item);
    return;
  }
  const record = tree as Record<string, unknown>;
  yield record;
  for (const [key, value] of Object.entries(record)) if (key !== "span" && key !== "type") yield* nodes(value);
}

export function metricBlockers(metric: Metric, stage: string, span: ast.Span): Blocker[] {
  const found: Blocker[] = [];
  const entry = metric.entries["classify"];
  if (entry === undefined) return found;
  for (const node of nodes(entry.body.statements)) {
    if (node["kind"] === "minimize" && !found.some((one) => one.code === "FSL5101"))
      found.push(blocker("FSL5101", span, { stage }));
    if (node["kind"] === "repeat" && !found.some((one) => one.code === "FSL5102"))
      found.push(blocker("FSL5102", span, { stage }));
  }
  if (entry.params.some((param) => param.form === "encoder" || param.form === "image"))
    found.push(blocker("FSL5103", span, { stage }));
  if (entry.transductive) found.push(blocker("FSL5104", span, { stage }));
  if (metric.fits.length > 0) found.push(blocker("FSL5106", span, { stage }));
  if (metric.learns.some((learn) => learn.kind === "like")) found.push(blocker("FSL5107", span, { stage }));
  return found;
}

export function metaLossBlockers(loss: Block, stage: string, span: ast.Span): Blocker[] {
  const entries = new Set<string>();
  for (const node of nodes(loss))
    if (node["k"] === "entry_loss" && node["entry"] !== "classify") entries.add(String(node["entry"]));
  return [...entries].map((entry) => blocker("FSL5105", span, { stage, entry }));
}

export function pretrainLossBlockers(loss: Block, stage: string, span: ast.Span): Blocker[] {
  const found: Blocker[] = [];
  for (const node of nodes(loss)) {
    const what =
      node["kind"] === "minimize" || node["kind"] === "repeat" ? `uses \`${String(node["kind"])}\`` : undefined;
    if (what !== undefined && !found.some((one) => one.message.includes(what)))
      found.push(blocker("FSL5108", span, { stage, what }));
  }
  return found;
}
