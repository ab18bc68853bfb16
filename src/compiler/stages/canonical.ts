/**
 * The canonical form of a typed stage: what its numbers depend on and nothing else. Spans, the names of declarations,
 * entries that it does not use and derived facts (types, shapes of layers) are left out; locals, parameters and
 * the author's own axis names are renamed in order of appearance; other stages and datasets stand as digests.
 * Two experiments whose stages have one canonical form compute the same thing.
 */
import type {
  Axis,
  Block,
  Callable,
  Dataset,
  Entry,
  EntryParam,
  EvaluateStage,
  Experiment,
  Expr,
  ExprNode,
  Layer,
  Learn,
  MetaStage,
  Metric,
  MinimizeChange,
  Network,
  PretrainStage,
  Slot,
  SplitRef,
  Stage,
  Statement,
  Task,
  Transform,
  Validation,
} from "../typed/tree.js";
import { walkExprs } from "../typed/walk.js";

export type Canonical = null | boolean | number | string | readonly Canonical[] | { readonly [key: string]: Canonical };

/** What stands for other stages and datasets in a canonical form. */
export interface Digests {
  /** Of a stage's output weights, by stage id. */
  readonly output: (stage: string) => string;
  /** Of a dataset's bytes and decoding, by dataset id. */
  readonly data: (dataset: string) => string;
}

/** Axis names that the language gives a meaning to; those of networks beside them, all others are the author's. */
const fixedAxes = ["way", "shot", "query", "n", "class", "feature", "channel", "height", "width"];

/** The author's axes by order of appearance. Primes stay: they tie `i'` to `i`. */
class AxisNames {
  private constructor(
    private readonly fixed: ReadonlySet<string>,
    private readonly names: Map<string, string>,
  ) {}

  static of(networks: readonly Network[], more: readonly string[] = []): AxisNames {
    const known = networks.flatMap((n) => [...n.input, ...Object.values(n.outputs).flat()].map((axis) => axis.name));
    return new AxisNames(new Set([...fixedAxes, ...more, ...known]), new Map());
  }

  /** The names so far, for a body that adds its own. */
  inner(): AxisNames {
    return new AxisNames(this.fixed, new Map(this.names));
  }

  rename(name: string): string {
    const base = name.replace(/'+$/, "");
    if (this.fixed.has(base)) return name;
    const known = this.names.get(base) ?? `axis ${this.names.size}`;
    this.names.set(base, known);
    return known + name.slice(base.length);
  }

  axes(axes: readonly Axis[]): Canonical {
    return axes.map(({ name, size }) => ({ name: this.rename(name), size }));
  }
}

/** Text with sorted keys: equal iff the values are. */
export function canonicalText(value: Canonical): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalText(v)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

export function canonicalStage(stage: Stage, experiment: Experiment, digests: Digests): Canonical {
  const dataset = (id: string): Dataset => {
    const found = experiment.datasets[id];
    if (found === undefined) throw new Error(`canonical form: no dataset ${id}`);
    return found;
  };
  const split = (ref: SplitRef, chain: "train" | "eval"): Canonical => ({
    data: digests.data(ref.dataset),
    split: ref.split,
    transforms: plain(dataset(ref.dataset)[chain]),
  });
  const slot = <T>(s: Slot<T>, value: Canonical): Canonical => ({
    value,
    from: s.from !== undefined ? { output: digests.output(s.from.stage), slot: s.from.slot } : null,
    frozen: s.frozen,
    ...(s.file === undefined ? {} : { file: { digest: s.file.digest, names: plain(s.file.names) } }),
  });
  const validating = ({ validate, encoder }: PretrainStage | MetaStage): Canonical =>
    validate === undefined
      ? null
      : {
          ...("from" in validate && validate.from ? { from: digests.output(validate.from.stage) } : {}),
          ...validation(validate, split(validate.split, "eval")),
          metric: canonicalMetric(validate.metric, ["classify"], encoder.value, digests),
        };
  const fitting = ({ fitFrom }: MetaStage | EvaluateStage): Record<string, Canonical> =>
    fitFrom === undefined ? {} : { fit: split(fitFrom, "eval") };
  const encoder = slot(stage.encoder, canonicalNetwork(stage.encoder.value));
  switch (stage.kind) {
    case "pretrain": {
      const modules = stage.learns.flatMap((learn) => (learn.kind === "module" ? [learn.network] : []));
      const names = AxisNames.of([stage.encoder.value, stage.head.value, ...modules], ["item"]);
      const learns = canonicalLearns(stage.learns, names);
      return {
        kind: stage.kind,
        data: split(stage.data, "train"),
        classes: stage.classes,
        encoder,
        head: slot(stage.head, canonicalNetwork(stage.head.value)),
        ...(learns.length > 0 ? { learns } : {}),
        loss: canonicalBlock(stage.loss, names, [], digests),
        ...training(stage),
        validate: validating(stage),
      };
    }
    case "meta": {
      const entries = new Set(["classify"]);
      walkExprs(stage.loss, (e) => {
        if (e.k === "entry_loss") entries.add(e.entry);
      });
      return {
        kind: stage.kind,
        encoder,
        metric: slot(stage.metric, canonicalMetric(stage.metric.value, [...entries], stage.encoder.value, digests)),
        ...fitting(stage),
        episodes: { task: task(stage.episodes.task), split: split(stage.episodes.split, "train") },
        loss: canonicalBlock(stage.loss, AxisNames.of([stage.encoder.value]), [], digests),
        ...training(stage),
        validate: validating(stage),
      };
    }
    case "evaluate":
      return {
        kind: stage.kind,
        encoder,
        metric: slot(stage.metric, canonicalMetric(stage.metric.value, ["classify"], stage.encoder.value, digests)),
        ...fitting(stage),
        rows: stage.rows.map((row) => ({
          task: task(row.task),
          split: split(row.split, "eval"),
          episodes: row.episodes,
          ...(row.given === undefined ? {} : { given: row.given.digest }),
          metric: canonicalMetric(row.metric, ["classify"], stage.encoder.value, digests),
        })),
        report: plain(stage.report),
      };
  }
}

/** The transforms that a stage's images go through, training and evaluation chains both where it uses both. */
export function stageTransforms(stage: Stage, experiment: Experiment): readonly Transform[] {
  const chain = (ref: SplitRef, which: "train" | "eval") => experiment.datasets[ref.dataset]?.[which] ?? [];
  switch (stage.kind) {
    case "pretrain":
      return [
        ...chain(stage.data, "train"),
        ...(stage.validate !== undefined ? chain(stage.validate.split, "eval") : []),
      ];
    case "meta":
      return [
        ...chain(stage.episodes.split, "train"),
        ...(stage.validate !== undefined ? chain(stage.validate.split, "eval") : []),
        ...(stage.fitFrom !== undefined ? chain(stage.fitFrom, "eval") : []),
      ];
    case "evaluate":
      return [
        ...stage.rows.flatMap((row) => chain(row.split, "eval")),
        ...(stage.fitFrom !== undefined ? chain(stage.fitFrom, "eval") : []),
      ];
  }
}

function training(stage: Extract<Stage, { kind: "pretrain" | "meta" }>): Record<string, Canonical> {
  return {
    optimizer: plain(stage.optimizer),
    schedule: plain(stage.schedule),
    duration: plain(stage.duration),
    ...(stage.ema === undefined ? {} : { ema: stage.ema }),
  };
}

function validation(v: Validation, split: Canonical): Record<string, Canonical> {
  const { episodes, everyEpochs, keepBest, patience } = v;
  const ends = patience === undefined ? {} : { patience };
  return { task: task(v.task), split, episodes, everyEpochs, keepBest, ...ends };
}

const task = (t: Task): Canonical => ({ way: t.way, shot: t.shot, query: t.query });

/** Copies plain data, without spans and undefined fields. */
function plain(value: unknown): Canonical {
  if (value === null || value === undefined) return null;
  if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, v]) => key !== "span" && v !== undefined)
      .map(([key, v]) => [key, plain(v)]),
  );
}

function record(value: object): Record<string, Canonical> {
  return plain(value) as Record<string, Canonical>;
}

function canonicalNetwork(network: Network): Canonical {
  return {
    input: plain(network.input),
    layers: network.layers.map(canonicalLayer),
    outputs: plain(network.outputs),
    weights: plain(network.weights),
  };
}

function canonicalLayer(layer: Layer): Canonical {
  const { op } = layer;
  const head = { path: layer.path, output: layer.outputName ?? null };
  if (op.kind === "residual") {
    return { ...head, kind: op.kind, body: op.body.map(canonicalLayer), shortcut: op.shortcut.map(canonicalLayer) };
  }
  if (op.kind === "parallel") {
    return { ...head, kind: op.kind, along: op.along, branches: op.branches.map((b) => b.map(canonicalLayer)) };
  }
  return { ...head, op: plain(op) };
}

function canonicalMetric(metric: Metric, entries: readonly string[], encoder: Network, digests: Digests): Canonical {
  const networks = [encoder, ...metric.learns.flatMap((l) => (l.kind === "module" ? [l.network] : []))];
  const names = AxisNames.of(networks);
  const body = (b: Block, inner: AxisNames, params: readonly EntryParam[]): Canonical =>
    canonicalBlock(
      b,
      inner,
      params.map((p) => p.name),
      digests,
    );
  // Learned tensors first: every body reads them by the same names.
  const learns = canonicalLearns(metric.learns, names);
  return {
    learns,
    fits: metric.fits.map((f) => {
      const inner = names.inner();
      const input = { form: f.input.form, axes: inner.axes(f.input.axes) };
      return { name: f.name, input, body: body(f.body, inner, [f.input]) };
    }),
    entries: Object.fromEntries(
      entries.flatMap((name) => {
        const entry: Entry | undefined = metric.entries[name];
        if (entry === undefined) return [];
        const inner = names.inner();
        const params = entry.params.map((p) => ({ form: p.form, axes: inner.axes(p.axes) }));
        const result = { kind: entry.result.kind, axes: inner.axes(entry.result.axes) };
        const { transductive } = entry;
        const assumes = entry.assumes.length > 0 ? { assumes: entry.assumes } : {};
        return [[name, { params, result, transductive, ...assumes, body: body(entry.body, inner, entry.params) }]];
      }),
    ),
  };
}

function canonicalLearns(learns: readonly Learn[], names: AxisNames): readonly Canonical[] {
  return learns.map((l): Canonical => {
    if (l.kind === "module") return { name: l.name, network: canonicalNetwork(l.network) };
    return l.kind === "tensor" ? { ...record(l), axes: names.axes(l.axes) } : plain(l);
  });
}

/** Which fields of an expression hold axes. */
const axisFields: { readonly [K in ExprNode["k"]]?: readonly string[] } = {
  reduce: ["over"],
  argmax: ["over"],
  dot: ["over"],
  rename: ["renames"],
  merge: ["axes", "as"],
  split: ["axis", "as"],
  concat: ["along"],
  top: ["over", "as"],
  index: ["axis"],
  merged_index: ["merged", "as", "axis"],
  one_hot: ["axis"],
  eye: ["a", "b"],
  solve: ["over"],
  softmax: ["over"],
  log_softmax: ["over"],
  normalize: ["over"],
  logsumexp: ["over"],
  squared_distance: ["over"],
  rotations: ["as"],
  weights: ["as"],
  pick: ["over"],
};

function canonicalBlock(block: Block, names: AxisNames, params: readonly string[], digests: Digests): Canonical {
  const locals = new Map<number, number>();
  const rename = (name: string): string => names.rename(name);
  const local = (id: number): number => {
    const known = locals.get(id) ?? locals.size;
    locals.set(id, known);
    return known;
  };
  const axesOf = (value: unknown): Canonical => {
    if (typeof value === "string") return rename(value);
    if (Array.isArray(value)) return value.map(axesOf);
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([k, v]) => [k, typeof v === "string" ? rename(v) : plain(v)]),
      );
    }
    return plain(value);
  };
  const changed = ({ frozen, args, share }: MinimizeChange): Canonical => ({
    frozen,
    share,
    args: Object.fromEntries(Object.entries(args).map(([k, v]) => [k, expr(v)])),
  });
  const callable = (c: Callable): Canonical => {
    if (c.kind === "stage") return { kind: c.kind, output: digests.output(c.stage) };
    if (c.kind === "local") return { kind: c.kind, local: local(c.local), of: callable(c.of) };
    return plain(c);
  };
  const expr = (e: Expr): Canonical => {
    if (e.k === "param") {
      const place = params.indexOf(e.name);
      return { k: e.k, param: place < 0 ? e.name : place };
    }
    if (e.k === "local") return { k: e.k, local: local(e.local) };
    const fields = axisFields[e.k] ?? [];
    const own = Object.entries(e)
      .filter(([key, v]) => key !== "type" && key !== "span" && v !== undefined)
      .map(([key, v]): [string, Canonical] => [key, fields.includes(key) ? axesOf(v) : field(key, v)]);
    return { ...Object.fromEntries(own), ...typeOf(e) };
  };
  /** What of a type is not derived from the node: the axes of `fill` and of draws, what a label indexes, whether a number is a truth value. */
  const typeOf = (e: Expr): Record<string, Canonical> => ({
    ...(e.k === "fill" || e.k === "draw" ? { axes: names.axes(e.type.axes) } : {}),
    ...(e.type.of !== undefined ? { of: rename(e.type.of.name) } : {}),
    ...(e.k === "number" && e.type.kind === "bool" ? { bool: true } : {}),
  });
  const field = (key: string, value: unknown): Canonical => {
    if (key === "target") return callable(value as Callable);
    if (Array.isArray(value)) return value.map((v) => field(key, v));
    if (value !== null && typeof value === "object") {
      if ("k" in value) return expr(value as Expr);
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, field(k, v)]));
    }
    return plain(value);
  };
  const statement = (s: Statement): Canonical => {
    switch (s.kind) {
      case "let": {
        const value = expr(s.value);
        return { kind: s.kind, local: local(s.local), value };
      }
      case "repeat":
        return {
          kind: s.kind,
          bound: s.bound,
          from: s.from.map(expr),
          locals: s.locals.map(local),
          before: s.before.map(local),
          body: s.body.map(statement),
          next: s.next.map(expr),
          until: s.until !== undefined ? expr(s.until) : null,
        };
      case "minimize":
        return {
          kind: s.kind,
          targets: s.targets.map((t) => ({
            from: t.kind === "tensor" ? expr(t.from) : callable(t.from),
            local: local(t.local),
            ...(t.kind === "tensor" && t.change !== undefined ? { change: changed(t.change) } : {}),
            ...(t.kind === "network" && t.changes !== undefined
              ? { changes: Object.fromEntries(Object.entries(t.changes).map(([path, c]) => [path, changed(c)])) }
              : {}),
          })),
          method: s.by.method,
          args: Object.fromEntries(Object.entries(s.by.args).map(([k, v]) => [k, expr(v)])),
          steps: s.steps,
          stepsAtTest: s.stepsAtTest,
          firstOrder: s.firstOrder,
          body: s.body.map(statement),
          loss: expr(s.loss),
        };
    }
  };
  const statements = block.statements.map(statement);
  return { statements, result: expr(block.result) };
}
