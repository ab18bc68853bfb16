/**
 * Defines the events of a run. `events.ndjson` holds them, `--reporter json` prints them and every view reads them.
 * Times are milliseconds since the epoch. Events of a stage carry its id and, during training, the step.
 */
import type { ParamValue, ResolvedParam, StageKind, Unit } from "../../compiler/typed/tree.js";
import type { Numerics } from "../engines/engine.js";
import type { EngineChoice } from "../engines/select.js";

export type RunEvent = { readonly time: number } & (
  | {
      readonly type: "run.start";
      readonly run: string;
      readonly file: string;
      readonly version: string;
      /** The seed; of a sweep over seeds, the first one. */
      readonly seed: number;
      /** The variants of a run that has several. */
      readonly sweep?: Sweep;
      /** Everything else that decides the run. Older runs have not recorded it. */
      readonly inputs?: RunInputs;
      /** The engine for the stages that the store does not serve, or undefined if it is not available. */
      readonly engine?: EngineChoice | undefined;
      readonly stages: readonly StageOutline[];
    }
  /** A stage starts. `engine` is undefined for an ingest, which runs no tensor program. */
  | {
      readonly type: "stage.start";
      readonly stage: string;
      readonly attempt: number;
      readonly engine: Numerics | undefined;
    }
  /** A stage is served from the store. */
  | {
      readonly type: "stage.cached";
      readonly stage: string;
      readonly key: string;
      readonly numerics: Numerics | undefined;
      readonly results: readonly Result[];
    }
  /** A long phase of a stage advances. `unit` is `images`, `files`, `bytes`, `graph nodes`, … */
  | {
      readonly type: "stage.progress";
      readonly stage: string;
      readonly phase: string;
      readonly done: number;
      readonly total: number | undefined;
      readonly unit: string;
    }
  | {
      readonly type: "stage.step";
      readonly stage: string;
      readonly step: number;
      readonly steps: number;
      readonly epoch: number;
      readonly loss: number;
      readonly accuracy: number | undefined;
      readonly lr: number;
      readonly itemsPerSecond: number;
      readonly unit: "episodes" | "images";
    }
  | {
      readonly type: "stage.validate";
      readonly stage: string;
      readonly step: number;
      readonly epoch: number;
      readonly accuracy: number;
      readonly ci95: number;
      readonly episodes: number;
      readonly best: boolean;
    }
  | {
      readonly type: "stage.note";
      readonly stage: string;
      readonly message: string;
      /** The code of a warning: `fslc explain` says more about it. Other notes have none. */
      readonly code?: string;
    }
  | {
      readonly type: "stage.done";
      readonly stage: string;
      readonly key: string;
      readonly seconds: number;
      readonly results: readonly Result[];
    }
  | {
      readonly type: "stage.failed";
      readonly stage: string;
      readonly code: string;
      readonly message: string;
      readonly fix: string | undefined;
      /** The place in the experiment, for example `examples/birds.fsl:12:3`, or undefined if no place is known. */
      readonly at?: string | undefined;
    }
  | {
      readonly type: "run.done";
      readonly status: "done" | "failed" | "interrupted";
      readonly results: readonly Result[];
      readonly seconds: number;
      /** The finished stages in the order in which they ended. Older runs have not recorded them. */
      readonly stages?: readonly StageEnd[];
    }
);

/** An event about one node of the stage graph: every event but the first and the last of a run. */
export type NodeEvent = Exclude<RunEvent, { type: "run.start" | "run.done" }>;

/** A finished stage: its key, which for an ingest is the digest of the data, and where its output came from. */
export interface StageEnd {
  readonly id: string;
  readonly key: string;
  readonly from: "store" | "run";
}

export interface RunParam extends Pick<ResolvedParam, "name" | "value" | "origin"> {
  readonly unit?: Unit;
}

/** The variants of an experiment that ran together. */
export interface Sweep {
  /** The parameters in which the variants differ, with their values in the order of the variants. */
  readonly params: readonly { readonly name: string; readonly unit?: Unit; readonly values: readonly ParamValue[] }[];
  readonly seeds: readonly number[];
  readonly variants: readonly {
    /** The value of each of these parameters. */
    readonly values: Readonly<Record<string, ParamValue>>;
    readonly seed: number;
    /** The id in this run of each stage of the experiment. Variants share a stage that computes the same in both. */
    readonly stages: Readonly<Record<string, string>>;
  }[];
}

/** The options of a run, and the files that say what it does. Together with the data they decide its results. */
export interface RunInputs {
  /** The parameters of the root file that are the same in all variants: their values, and where those came from. */
  readonly params: readonly RunParam[];
  /** The options that were given. Those that are missing had their defaults. */
  readonly asked: {
    readonly engine?: string;
    readonly device?: string;
    readonly precision?: string;
    readonly threads?: number;
    readonly jobs?: number;
    readonly stages?: readonly string[];
    readonly force?: readonly string[];
    readonly exact?: boolean;
  };
  /** The experiment, its imports and the files of the library that they use. `copy` is the path of a copy in the folder of the run. */
  readonly sources: readonly { readonly id: string; readonly sha256: string; readonly copy?: string }[];
  /** The weights and lists of episodes that lines of the experiment name. */
  readonly files: readonly { readonly path: string; readonly digest: string }[];
  readonly system: { readonly node: string; readonly platform: string; readonly arch: string };
}

export interface StageOutline {
  readonly id: string;
  readonly kind: "ingest" | StageKind;
  readonly name: string;
  readonly needs: readonly string[];
  /** The task and the split of each row of an evaluation. Only results with the same protocol can be ranked. */
  readonly protocols?: readonly string[];
}

/**
 * One number of an evaluation. `metric` is `accuracy`, `top2`, …; `ci95` is the half-width of the Student-t 95% interval over
 * episodes. `row` names the value of an `each`.
 */
export interface Result {
  readonly stage: string;
  readonly row?: string;
  readonly metric: string;
  readonly mean: number;
  readonly ci95: number;
  readonly episodes: number;
  /** True if the method saw all queries of an episode together. Such a result must not be ranked with methods that see one. */
  readonly transductive?: true;
  /** The method draws while it classifies: another seed gives other scores of the same episodes. */
  readonly sampled?: true;
  /** The assumptions of the method. `balanced` means equal numbers of queries of each class. */
  readonly assumes?: readonly string[];
  /** The number of queries with scores that are not numbers. */
  readonly unscored?: number;
}
