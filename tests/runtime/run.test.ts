import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DiagnosticError, diagnostic } from "../../src/compiler/diagnostics/diagnostic.js";
import { prepareRun } from "../../src/runtime/run/preflight.js";
import { startRun } from "../../src/runtime/run/run.js";
import type { Outcome } from "../../src/runtime/stages/job.js";
import type { Executor } from "../../src/runtime/worker/executor.js";
import { digests } from "../lower/fixtures.js";
import { base, experiment } from "./tiny.js";

/** The disk fills up at the first event of a worker. */
vi.mock("../../src/runtime/run/run-folder.js", async (original) => {
  const real = await original<typeof import("../../src/runtime/run/run-folder.js")>();
  return {
    ...real,
    createRunFolder: (...args: Parameters<typeof real.createRunFolder>) => ({
      ...real.createRunFolder(...args),
      append(event: { readonly type: string }) {
        if (event.type !== "stage.note") return;
        throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: "p", why: "the disk is full" }));
      },
    }),
  };
});

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fslc-run-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("an event that cannot be written ends the worker and fails the run, and throws nowhere", async () => {
  const preparation = prepareRun(experiment([base]), { project: { dir, home: join(dir, ".fslc") } });
  if (!("prepared" in preparation)) throw new Error("refused");
  let aborted = false;
  const submit: Executor["submit"] = (job, onEvent) => {
    let end: (outcome: Outcome) => void = () => {};
    const outcome = new Promise<Outcome>((resolve) => {
      end = resolve;
    });
    setTimeout(() => {
      for (const message of ["first", "second"]) {
        onEvent({ time: 0, type: "stage.note", stage: job.node, message });
      }
    }, 0);
    return {
      outcome,
      stop() {},
      abort() {
        aborted = true;
        end({ kind: "stopped" });
      },
    };
  };
  const started = startRun(preparation.prepared, {
    findPack: async () => ({ digests: digests("digest"), dir: "pack" }),
    openExecutor: async () => ({ engine: { name: "onnx", device: "cpu" }, capacity: 1, submit }),
  });
  const seen: string[] = [];
  for await (const { type } of started.events) seen.push(type);
  const summary = await started.done;
  expect(aborted).toBe(true);
  expect(summary).toMatchObject({ status: "failed", failures: [{ stage: "run", code: "FSL7031" }] });
  expect(seen.at(-1)).toBe("run.done");
});
