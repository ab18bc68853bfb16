/** The stage graph as indented rows: each stage hangs under the deepest stage it needs. */
import type { StageState } from "./model.js";

export interface GraphRow {
  readonly stage: StageState;
  /** Rails before the glyph: `│  └─ `. */
  readonly rails: string;
  /** Names of what it needs besides its parent and what that stands on anyway. */
  readonly alsoNeeds: readonly string[];
}

export function graphRows(stages: readonly StageState[]): GraphRow[] {
  const byId = new Map(stages.map((s) => [s.outline.id, s]));
  const depths = new Map<string, number>();
  const depthOf = (id: string): number => {
    const known = depths.get(id);
    if (known !== undefined) return known;
    depths.set(id, 0); // a cycle cannot happen in a stage graph; this keeps a broken one from looping
    const needs = byId.get(id)?.outline.needs ?? [];
    const depth = needs.length === 0 ? 0 : 1 + Math.max(...needs.map(depthOf));
    depths.set(id, depth);
    return depth;
  };
  const parentOf = (stage: StageState): string | undefined =>
    [...stage.outline.needs].filter((id) => byId.has(id)).sort((a, b) => depthOf(b) - depthOf(a))[0];

  const children = new Map<string | undefined, StageState[]>();
  for (const stage of stages) {
    const parent = parentOf(stage);
    const list = children.get(parent);
    if (list !== undefined) list.push(stage);
    else children.set(parent, [stage]);
  }

  const standsOn = (id: string | undefined, other: string): boolean => {
    const needs = id === undefined ? [] : (byId.get(id)?.outline.needs ?? []);
    return id === other || needs.some((need) => standsOn(need, other));
  };

  const rows: GraphRow[] = [];
  const visit = (stage: StageState, before: string, branch: string, parent: string | undefined): void => {
    const alsoNeeds = stage.outline.needs
      .filter((id) => !standsOn(parent, id))
      .map((id) => byId.get(id)?.outline.name ?? id);
    rows.push({ stage, rails: before + branch, alsoNeeds });
    const list = children.get(stage.outline.id) ?? [];
    const under = before + (branch === "" ? "" : branch.startsWith("├") ? "│ " : "  ");
    list.forEach((child, i) => {
      visit(child, under, i === list.length - 1 ? "└ " : "├ ", stage.outline.id);
    });
  };
  for (const root of children.get(undefined) ?? []) visit(root, "", "", undefined);
  return rows;
}

/**
 * At most `limit` rows, the running and failed ones first, then waiting, then finished; `hidden` is the last line's text.
 * The rows keep their order.
 */
export function limitRows(rows: readonly GraphRow[], limit: number): { rows: GraphRow[]; hidden: string | undefined } {
  if (rows.length <= limit) return { rows: [...rows], hidden: undefined };
  const urgency = { running: 0, failed: 0, stopped: 0, waiting: 1, done: 2, cached: 3 } as const;
  const order = rows.map((row, i) => ({ row, i, rank: urgency[row.stage.status] }));
  const kept = new Set(
    [...order]
      .sort((a, b) => a.rank - b.rank || a.i - b.i)
      .slice(0, Math.max(0, limit - 1))
      .map((o) => o.i),
  );
  const dropped = order.filter((o) => !kept.has(o.i));
  const waiting = dropped.filter((o) => o.rank === 1).length;
  const finished = dropped.filter((o) => o.rank > 1).length;
  const parts = [
    waiting > 0 ? `${waiting} more waiting` : "",
    finished > 0 ? `${finished} more finished` : "",
    dropped.length - waiting - finished > 0 ? `${dropped.length - waiting - finished} more running` : "",
  ].filter((p) => p !== "");
  return { rows: rows.filter((_, i) => kept.has(i)), hidden: `… plus ${parts.join(", ")}` };
}
