/**
 * Lays out the state of a run as the lines of a screen of `cols` × `rows`. It is pure, so that every size can be tested. The
 * result never has more than rows − 2 lines, because a terminal flickers if the live region fills it.
 */
import { basename } from "node:path";
import type { Numerics } from "../../runtime/engines/engine.js";
import { count, duration, engineAndDevice, interval, percent, plural, seedsText, shorten } from "./format.js";
import { type GraphRow, graphRows, type HiddenStages, limitRows } from "./graph.js";
import { justify, type Line, padText, segment, type Tone, truncate } from "./line.js";
import { type RunState, type StageState, type StageStatus, secondsLeft } from "./model.js";
import { panelForm } from "./panel.js";
import { runSecondsLeft } from "./time-left.js";
import { effectOfStop } from "./unfinished.js";

export interface Screen {
  readonly header: Line;
  readonly graph: readonly Line[];
  /** The stages that train now, each with its curves. */
  readonly panels: readonly (readonly Line[])[];
  readonly footer: Line;
}

/** The glyph of each status. The glyphs can be told apart without color. */
export const glyphs: Readonly<Record<StageStatus, { readonly glyph: string; readonly tone: Tone }>> = {
  waiting: { glyph: "○", tone: "dim" },
  running: { glyph: "●", tone: "active" },
  done: { glyph: "✔", tone: "good" },
  cached: { glyph: "↺", tone: "good" },
  failed: { glyph: "✘", tone: "bad" },
  stopped: { glyph: "■", tone: "bad" },
};

/** Lays out a screen. `now` is the time in milliseconds; nothing here reads a clock. */
export function layout(state: RunState, cols: number, rows: number, now: number): Screen {
  const width = Math.max(20, cols - 2);
  const height = Math.max(4, rows - 2);
  const running = state.stages.filter((s) => s.status === "running");

  // The header, the footer and the blank lines around the graph take 4 rows.
  const graph = graphRows(state.stages);
  const trained = running.filter((s) => s.training !== undefined);
  const minimumGraph = Math.min(graph.length, Math.max(3, running.length + 1));
  let room = height - 4;
  const form = panelForm(width);
  const fitting = Math.max(
    0,
    Math.min(trained.length, Math.floor((room - minimumGraph) / (form.fixed + form.stacked))),
  );
  const spare = Math.floor(((room - graph.length) / Math.max(1, fitting) - form.fixed) / form.stacked);
  const chartRows = Math.min(form.mostRows(height), Math.max(1, spare));
  const panels = trained
    .slice(0, fitting)
    .flatMap((s) => (s.training !== undefined ? [form.draw(s, s.training, width, chartRows)] : []));
  room -= panels.length * (form.fixed + form.stacked * chartRows);
  const { rows: kept, hidden } = limitRows(graph, Math.max(1, room));
  // Without the hidden stages, the lines of the others would lead nowhere.
  const shown = hidden === undefined ? kept : graphRows(kept.map(({ stage }) => stage));
  const nameWidth = Math.min(
    Math.max(28, Math.floor(0.45 * width)),
    Math.max(8, ...shown.map((r) => [...r.rails].length + [...r.name].length)),
  );
  const lines = shown.map((row) => stageLine(row, nameWidth, width, now));
  if (hidden !== undefined) lines.push(truncate([segment(describeHidden(hidden), "dim")], width));

  return { header: header(state, width, now), graph: lines, panels, footer: footer(state, width) };
}

/** Describes the stages that have no row: `… plus 20 more waiting, 2 more finished`. */
export function describeHidden(hidden: HiddenStages): string {
  const counts = (["waiting", "finished", "failed", "running"] as const).flatMap((status) =>
    hidden[status] > 0 ? [`${hidden[status]} more ${status}`] : [],
  );
  return `… plus ${counts.join(", ")}`;
}

function header(state: RunState, width: number, now: number): Line {
  const engine = state.engine;
  const elapsed = state.startedAt === undefined ? undefined : duration(state.seconds ?? (now - state.startedAt) / 1000);
  const finished = state.stages.filter(({ status }) => status === "done" || status === "cached").length;
  const left = state.variants > 1 && state.status === "running" ? runSecondsLeft(state, now) : undefined;
  const facts = [
    engine === undefined ? undefined : engineText(engine, width),
    engine?.device === "cpu" && width >= 76 ? plural(engine.threads, "thread") : undefined,
    width >= 100 ? seedFact(state) : undefined,
    state.variants > 1 ? `${finished} of ${plural(state.stages.length, "stage")}` : undefined,
    elapsed,
    left === undefined || width < 76 ? undefined : `about ${duration(left)} left`,
  ].filter((f) => f !== undefined);
  const right = facts.join(" · ");
  const version = state.version === "" || width < 50 ? "" : ` ${state.version}`;
  const room = width - [...`fslc${version}    ${right}`].length;
  const file = shorten(width < 70 ? basename(state.file) : state.file, Math.max(width < 50 ? 8 : 12, room));
  return justify(
    [segment("fslc", "strong"), segment(version, "dim"), segment(`  ${file}`)],
    [segment(right, "dim")],
    width,
  );
}

function seedFact({ seeds, variants }: RunState): string {
  const seed = `${seeds.length > 1 ? "seeds" : "seed"} ${seedsText(seeds)}`;
  return variants > 1 ? `${plural(variants, "variant")} · ${seed}` : seed;
}

/** Returns the engine and the device. A narrow screen has no room for the name of the adapter. */
function engineText(engine: Numerics, width: number): string {
  if (width < 50) return `${engine.engine} ${engine.device}`;
  return shorten(engineAndDevice(engine.engine, engine), Math.max(20, width - 56));
}

function stageLine(row: GraphRow, nameWidth: number, width: number, now: number): Line {
  const { stage } = row;
  const { glyph, tone } = glyphs[stage.status];
  const name = shorten(row.name, Math.max(4, nameWidth - [...row.rails].length));
  const label = padText(name, nameWidth - [...row.rails].length);
  const head: Line = [
    segment(row.rails, "dim"),
    segment(glyph, tone),
    segment(` ${label}  `, stage.status === "waiting" ? "dim" : "plain"),
    segment(width >= 60 ? padText(stage.outline.kind, 10) : "", "dim"),
  ];
  const room = width - nameWidth - 4 - (width >= 60 ? 10 : 0);
  return truncate([...head, ...stageStatus(row, room, now)], width);
}

function stageStatus(row: GraphRow, room: number, now: number): Line {
  const { stage } = row;
  switch (stage.status) {
    case "waiting":
      if (stage.note !== undefined) return [segment(stage.note, "active")];
      return row.alsoNeeds.length > 0 && room >= 30 ? [segment(`also needs ${row.alsoNeeds.join(", ")}`, "dim")] : [];
    case "running":
      return running(stage, room, now);
    case "cached":
      return [segment("from the store", "dim"), ...headline(stage)];
    case "done":
      return [segment(duration(stage.seconds ?? 0), "dim"), ...headline(stage)];
    case "failed":
      return [segment(`${stage.failure?.code ?? ""} ${stage.failure?.message ?? "failed"}`, "bad")];
    case "stopped":
      return [segment("stopped", "bad")];
  }
}

/** Returns the main result of a finished stage: its first number, or the accuracy of each row. */
function headline(stage: StageState): Line {
  const accuracies = stage.results.filter((r) => r.metric === "accuracy");
  if (accuracies.length > 1) {
    const rows = accuracies.map(({ row, mean }) => `${row ?? ""} ${percent(mean, 1)} %`);
    return [segment("  "), segment(rows.join(" · "), "strong")];
  }
  const first = accuracies[0] ?? stage.results[0];
  if (first !== undefined) return [segment("  "), segment(interval(first.mean, first.ci95), "strong")];
  if (stage.best !== undefined)
    return [segment("  best "), segment(interval(stage.best.accuracy, stage.best.ci95), "strong")];
  return [];
}

function running(stage: StageState, room: number, now: number): Line {
  const barWidth = Math.max(8, Math.min(40, Math.floor(room * 0.4)));
  // While a stage validates or prepares, its training pauses, so the progress of that phase is shown.
  if (stage.progress !== undefined) {
    const { phase, done, total, unit, since } = stage.progress;
    const amount = unit === "bytes" ? `${(done / 2 ** 20).toFixed(1)} MiB` : `${count(done)} ${unit}`;
    if (total === undefined || total === 0) return [segment(`${phase} `), segment(amount, "dim")];
    const seconds = (now - since) / 1000;
    const left = done > 0 && seconds > 2 ? ` · ${duration((seconds * (total - done)) / done)} left` : "";
    return [
      ...bar(done / total, barWidth),
      segment(` ${percent(done / total, 0).padStart(3)} %`),
      segment(`  ${phase}`),
      segment(room >= 60 ? ` ${count(done)}/${count(total)} ${unit}${left}` : left, "dim"),
    ];
  }
  if (stage.training !== undefined) {
    const { step, steps } = stage.training;
    const left = secondsLeft(stage.training);
    return [
      ...bar(step / steps, barWidth),
      segment(` ${percent(step / steps, 0).padStart(3)} %`),
      segment(left === undefined ? "" : `  ${duration(left)} left`, "dim"),
    ];
  }
  return [segment(stage.note ?? "starting", "dim")];
}

function bar(fraction: number, width: number): Line {
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return [segment("━".repeat(filled), "active"), segment("─".repeat(width - filled), "dim")];
}

function footer(state: RunState, width: number): Line {
  if (state.seconds !== undefined) return [];
  if (state.interrupt === "aborting") return truncate([segment("aborting…", "bad")], width);
  if (state.interrupt === "stopping") {
    const text = `stopping; ${effectOfStop(state) ?? "finished stages are kept"}`;
    const again = "press again to abort";
    const room = Math.max(10, width - again.length - 3);
    return justify([segment(shorten(text, room), "active")], [segment(again, "active")], width);
  }
  const note = state.stages.find((s) => s.status === "running" && s.note !== undefined)?.note;
  const hint = state.watched ? "Ctrl-C ends the watching; the run goes on" : "Ctrl-C stops after the current step";
  const room = width - hint.length - 3;
  return note === undefined || room < 20
    ? truncate([segment(hint, "dim")], width)
    : justify([segment(shorten(note, room), "dim")], [segment(hint, "dim")], width);
}

/** Returns the lines to draw: the parts of a screen in order, with blank lines between them. */
export function screenLines(screen: Screen): Line[] {
  const blank: Line = [];
  return [screen.header, blank, ...screen.graph, ...screen.panels.flatMap((p) => [blank, ...p]), blank, screen.footer];
}
