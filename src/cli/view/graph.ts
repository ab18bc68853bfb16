/** Turns the stage graph into indented rows. Each stage stands under the deepest stage that it needs. */
import type { StageOutline } from "../../runtime/events/events.js";
import type { StageState } from "./model.js";

/** A stage with what is known of it. Only its outline decides where it stands. */
export interface GraphStage {
  readonly outline: StageOutline;
}

export interface GraphRow<S extends GraphStage = StageState> {
  readonly stage: S;
  /** The name of the stage without those values of a sweep that its parent has too. */
  readonly name: string;
  /** The lines before the glyph: `│ └ `. */
  readonly rails: string;
  /** The names of the stages that it needs besides its parent and the stages that its parent needs. */
  readonly alsoNeeds: readonly string[];
}

export function graphRows<S extends GraphStage>(stages: readonly S[]): GraphRow<S>[] {
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
  const parentOf = (stage: S): string | undefined =>
    [...stage.outline.needs].filter((id) => byId.has(id)).sort((a, b) => depthOf(b) - depthOf(a))[0];

  const children = new Map<string | undefined, S[]>();
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

  const rows: GraphRow<S>[] = [];
  /** Adds a stage behind its rails, and the stages under it behind `indent`. */
  const visit = (stage: S, parent: string | undefined, rails: string, indent: string): void => {
    const alsoNeeds = stage.outline.needs
      .filter((id) => byId.has(id) && !standsOn(parent, id))
      .map((id) => byId.get(id)?.outline.name ?? id);
    const name = nameBelow(stage.outline.name, byId.get(parent ?? "")?.outline.name ?? "");
    rows.push({ stage, name, rails, alsoNeeds });
    const list = children.get(stage.outline.id) ?? [];
    list.forEach((child, i) => {
      const last = i === list.length - 1;
      visit(child, stage.outline.id, indent + (last ? "└ " : "├ "), indent + (last ? "  " : "│ "));
    });
  };
  for (const root of children.get(undefined) ?? []) visit(root, undefined, "", "");
  return rows;
}

/** Returns `test@shots=5` for `test@shots=5,seed=0` below `proto@seed=0`. */
function nameBelow(name: string, parent: string): string {
  const [start = "", values = ""] = name.split("@");
  const above = parent.split("@")[1]?.split(",") ?? [];
  const own = values.split(",").filter((value) => value !== "" && !above.includes(value));
  return own.length === 0 ? start : `${start}@${own.join(",")}`;
}

/** The numbers of the stages that have no row. */
export interface HiddenStages {
  readonly waiting: number;
  readonly finished: number;
  readonly failed: number;
  readonly running: number;
}

/**
 * Returns at most `limit` rows in their order. Running stages take precedence over failed ones, those over waiting ones, and waiting ones
 * over finished ones. If stages are hidden, there is one row less, so that a line can name their numbers.
 */
export function limitRows(
  rows: readonly GraphRow[],
  limit: number,
): { readonly rows: readonly GraphRow[]; readonly hidden: HiddenStages | undefined } {
  if (rows.length <= limit) return { rows, hidden: undefined };
  const urgency = { running: 0, failed: 1, stopped: 1, waiting: 2, done: 3, cached: 4 } as const;
  const order = rows.map((row, i) => ({ i, rank: urgency[row.stage.status] }));
  const kept = new Set(
    [...order]
      .sort((a, b) => a.rank - b.rank || a.i - b.i)
      .slice(0, Math.max(0, limit - 1))
      .map((o) => o.i),
  );
  const dropped = order.filter((o) => !kept.has(o.i));
  const number = (ranks: readonly number[]): number => dropped.filter(({ rank }) => ranks.includes(rank)).length;
  const hidden = { running: number([0]), failed: number([1]), waiting: number([2]), finished: number([3, 4]) };
  return { rows: rows.filter((_, i) => kept.has(i)), hidden };
}
