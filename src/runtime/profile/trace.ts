/** The trace of a run in the Trace Event Format of Chrome, which chrome://tracing and ui.perfetto.dev show. */
import type { Span } from "../../../grammar/ast.js";
import type { Recorder } from "./recorder.js";
import { otherOp } from "./summary.js";

/** A phase or a kernel of a stage. Times are in ms, those of starts since 1970. */
export interface Recorded {
  readonly name: string;
  readonly start: number;
  readonly duration: number;
  /** Set for kernels. */
  readonly kernel?: { readonly op: string; readonly shape: readonly number[]; readonly span: Span | undefined };
}

/** Returns the phases of a stage and the kernels that were measured. */
export function recordedEvents(recorder: Recorder): Recorded[] {
  const phases = recorder.stretches.map(({ start, ...phase }) => ({ ...phase, start: performance.timeOrigin + start }));
  const kernels = recorder.programs.flatMap(({ kernels, measuredStarts }) =>
    kernels.map(({ kernel: name, node, run, start: after, duration }): Recorded => {
      const start = performance.timeOrigin + (measuredStarts[run] ?? 0) + after;
      return { name, start, duration, kernel: { op: node?.op ?? otherOp, shape: node?.shape ?? [], span: node?.span } };
    }),
  );
  return [...phases, ...kernels];
}

/** Returns the text of the trace file. Each stage is a process of the trace. `placeOf` gives the place of a span as text. */
export function chromeTrace(
  stages: readonly { readonly name: string; readonly events: readonly Recorded[] }[],
  placeOf: (span: Span) => string,
): string {
  const first = Math.min(...stages.flatMap(({ events }) => events.map(({ start }) => start)));
  const lines = stages.flatMap(({ name, events }, process) => {
    const common = { pid: process + 1, tid: 1 };
    const title = { ph: "M", name: "process_name", ...common, args: { name } };
    const shown = events.map(({ name, start, duration, kernel }) => ({
      ph: "X",
      name,
      cat: kernel === undefined ? "phase" : "kernel",
      ts: Math.round((start - first) * 1e6) / 1e3,
      dur: Math.round(duration * 1e6) / 1e3,
      ...common,
      ...(kernel === undefined ? {} : { args: kernelArgs(kernel, placeOf) }),
    }));
    return [title, ...shown].map((event) => JSON.stringify(event));
  });
  return `{"displayTimeUnit":"ms","traceEvents":[\n${lines.join(",\n")}\n]}\n`;
}

function kernelArgs({ op, shape, span }: NonNullable<Recorded["kernel"]>, placeOf: (span: Span) => string) {
  return { op, shape: shape.join(" × "), ...(span === undefined ? {} : { place: placeOf(span) }) };
}
