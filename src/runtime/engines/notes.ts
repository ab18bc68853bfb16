/** The text of what a probe found. This is the one place where notes become sentences. */
import type { EngineNote } from "./engine.js";

export function formatNote(note: EngineNote): { readonly text: string; readonly help?: string } {
  switch (note.kind) {
    case "no-gpu":
      return { text: `no GPU: ${note.why}`, help: note.fix };
    case "cuda":
      return { text: `CUDA: ${note.libraries.join(", ")}` };
  }
}

/** Returns why the engine has no GPU on this machine, if a note says so. */
export function whyNoGpu(notes: readonly EngineNote[]): string | undefined {
  return notes.find((note) => note.kind === "no-gpu")?.why;
}
