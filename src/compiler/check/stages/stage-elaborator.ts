/** Elaborates the stages of an experiment, each when something needs it, so that stages stand after those they need. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { Dataset, Metric, PosedTasks, Stage } from "../../typed/tree.js";
import type { Checker } from "../core/checker.js";
import type { Scope } from "../core/scope.js";
import { describe, type MetricValue } from "../core/values.js";
import { Datasets } from "../data/datasets.js";
import { elaborateEpisode } from "../data/episodes.js";
import { contextOfDeclaration, genericContext } from "../metrics/metric-context.js";
import { elaborateMetric } from "../metrics/metrics.js";
import { elaborateBackbone } from "../networks/backbones.js";
import { checkFormula } from "../networks/formula-layer.js";
import { type ElaboratedStage, notElaborated, type StageLookup, type StageSlots } from "./context.js";
import { elaborateStage } from "./elaborate.js";
import { finishedStages } from "./finished-stages.js";
import { mergeLines, type StageLines } from "./stage-lines.js";

/** Marks what is being elaborated: a stage that needs itself meets the mark. */
const inProgress: unique symbol = Symbol("in progress");

interface MergedLines {
  readonly lines: StageLines;
  /** False if a line has been reported as wrong. */
  readonly complete: boolean;
}

/** A declared stage, with what has been elaborated of it so far. */
interface Declared {
  readonly decl: ast.StageDecl;
  readonly scope: Scope;
  /** The lines with those of `like`, or null if those are not known, which has been reported. */
  lines?: MergedLines | typeof inProgress | null;
  typed?: ElaboratedStage | typeof inProgress;
}

export class StageElaborator implements StageLookup {
  private readonly declared = new Map<string, Declared>();
  private readonly ordered: Stage[] = [];
  private readonly invalidMetrics = new Set<ast.MetricDecl>();
  readonly datasets: Datasets;
  /** The metrics for the tasks that were posed to stages from outside, by the id of the stage. */
  readonly posed = new Map<string, readonly Metric[]>();

  constructor(
    private readonly checker: Checker,
    private readonly pose?: PosedTasks,
  ) {
    this.datasets = new Datasets(checker);
    checker.finished = finishedStages(this, checker);
  }

  declare(id: string, decl: ast.StageDecl, scope: Scope): void {
    this.declared.set(id, { decl, scope });
  }

  /** Returns the elaborated stages, each after those that it needs. */
  get stages(): readonly Stage[] {
    return this.ordered;
  }
  get typedDatasets(): Record<string, Dataset> {
    return this.datasets.typed;
  }

  /** Checks a metric by itself, even if no stage uses it. */
  checkMetric(value: MetricValue): void {
    const before = this.checker.errors;
    elaborateMetric(value, contextOfDeclaration(value.decl), value.decl.name.span);
    if (this.checker.errors > before) this.invalidMetrics.add(value.decl);
  }

  /** Checks a declaration by itself, even if no stage uses it. One whose parameters have no defaults is checked where it is used. */
  checkDeclaration(decl: ast.Declaration, scope: Scope): void {
    const value = scope.lookup(decl.name.text);
    const needsArguments = "params" in decl && (decl.params ?? []).some((param) => param.value === undefined);
    if (value === undefined || needsArguments) return;
    const at = decl.name.span;
    if (value.kind === "metric" && decl.kind === "metric") this.checkMetric(value);
    else if (value.kind === "backbone")
      elaborateBackbone(value, { channels: 3, height: 84, width: 84 }, at, { generic: true });
    else if (value.kind === "block") checkFormula(value, genericContext.encoder.outputs);
    else if (value.kind === "episode") elaborateEpisode(value, at);
    else if (value.kind === "dataset" && decl.kind === "dataset" && decl.value !== undefined)
      this.datasets.of(value, at);
  }

  elaborate(id: string): void {
    this.slotsOf(id, this.declared.get(id)?.decl.name.span ?? { file: "", start: 0, end: 0 });
  }

  slotsOf(id: string, at: ast.Span): StageSlots | undefined {
    const declared = this.declared.get(id);
    if (declared === undefined) return undefined;
    if (declared.typed === inProgress) {
      this.checker.report(
        "FSL5010",
        at,
        { chain: this.chain("typed", id) },
        {
          labels: [{ span: declared.decl.name.span, text: `\`${declared.decl.name.text}\` is declared here` }],
        },
      );
      return undefined;
    }
    if (declared.typed === undefined) {
      declared.typed = inProgress;
      const lines = this.linesOf(id, at);
      const made: ElaboratedStage =
        lines === undefined
          ? notElaborated
          : (this.checker.nested(at, () =>
              elaborateStage({
                id,
                decl: declared.decl,
                scope: declared.scope,
                lines: lines.lines,
                datasets: this.datasets,
                stages: this,
                posed: this.posedTo(id, declared.decl),
                invalidMetrics: this.invalidMetrics,
              }),
            ) ?? notElaborated);
      declared.typed = made;
      if (made.stage !== undefined && made.posed !== undefined) this.posed.set(id, made.posed);
      if (made.stage !== undefined && lines?.complete === true) this.ordered.push(made.stage);
    }
    const { stage, slots } = declared.typed;
    return stage === undefined ? undefined : slots;
  }

  private posedTo(id: string, { name }: ast.StageDecl): PosedTasks["tasks"] {
    const { pose } = this;
    return pose !== undefined && (pose.stage === id || pose.stage === name.text) ? pose.tasks : [];
  }

  /** Returns the lines of a stage with those of `like`, or undefined after a report. Reports FSL5010 if stages are `like` each other. */
  private linesOf(id: string, at: ast.Span): MergedLines | undefined {
    const declared = this.declared.get(id);
    if (declared === undefined) return undefined;
    if (declared.lines === inProgress) {
      this.checker.report("FSL5010", at, { chain: this.chain("lines", id) });
      return undefined;
    }
    if (declared.lines !== undefined) return declared.lines ?? undefined;
    declared.lines = inProgress;
    const { decl, scope } = declared;
    let inherited: StageLines = new Map();
    let complete = true;
    if (decl.like !== undefined) {
      const base = this.baseOf(decl, decl.like, scope);
      const { span } = decl.like;
      const lines = base === undefined ? undefined : this.checker.nested(span, () => this.linesOf(base, span));
      if (lines === undefined) complete = false;
      else inherited = lines.lines;
    }
    const own = mergeLines(decl, scope, inherited);
    // Without the lines of its base, the stage would be reported as lacking them.
    declared.lines = complete ? own : null;
    return declared.lines ?? undefined;
  }

  /** Returns the id of the stage that `like` names, or undefined after a report. Reports FSL5028 for a stage of another kind. */
  private baseOf(decl: ast.StageDecl, like: ast.Name, scope: Scope): string | undefined {
    const value = scope.lookup(like.text);
    const base = value?.kind === "stage" ? this.declared.get(value.id) : undefined;
    if (value?.kind === "stage" && base?.decl.stage === decl.stage) return value.id;
    if (value?.kind === "anything") return undefined;
    const what =
      value === undefined
        ? `no stage is called \`${like.text}\``
        : base === undefined
          ? `\`${like.text}\` is ${describe(value)}, not a stage`
          : `\`${like.text}\` is ${stageKind(base.decl)}, and \`${decl.name.text}\` is ${stageKind(decl)}`;
    const names = [...this.declared.values()]
      .filter((other) => other.decl.stage === decl.stage && other.decl !== decl)
      .map((other) => other.decl.name.text);
    this.checker.report("FSL5028", like.span, { what }, { help: suggest(like.text, names) });
    return undefined;
  }

  /** Returns the stages that need each other, for a message: `a` → `b` → `a`. */
  private chain(step: "typed" | "lines", id: string): string {
    const open = [...this.declared.entries()]
      .filter(([, declared]) => declared[step] === inProgress)
      .map(([name]) => name);
    const from = open.slice(open.indexOf(id));
    return [...from, id].map((name) => `\`${name}\``).join(" → ");
  }
}

function stageKind({ stage }: ast.StageDecl): string {
  return `${/^[aeiou]/.test(stage) ? "an" : "a"} \`${stage}\``;
}
