/**
 * The syntax tree of FSL, version 1: what the parser builds, the printer prints and the resolver reads.
 * Nodes are plain data. Every node has a `span`; nothing here knows about types or sizes.
 */
import type { StageKind } from "./tokens.js";

/** A half-open range of UTF-16 offsets in one file. `file` is a project-relative path or a library name such as `fsl:metrics`. */
export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

export interface Name {
  readonly kind: "name";
  readonly text: string;
  readonly span: Span;
}

/** An axis where one is named: after `over`, `along`, `as`, and inside `[ ]`. `text` includes its primes: `way'`. */
export interface AxisRef {
  readonly kind: "axis";
  readonly text: string;
  readonly span: Span;
}
/** An axis that may have a size of its own: `slot: 8`. `span` takes the size in. */
export interface SizedAxis extends AxisRef {
  readonly size: Expr | undefined;
}

export interface SourceFile {
  readonly kind: "file";
  /** The number of the `fsl N` line, which fixes grammar and library; undefined if the line is missing (a diagnostic says so). */
  readonly version: number | undefined;
  /** The span of the `fsl N` line. */
  readonly versionSpan: Span | undefined;
  readonly imports: readonly Import[];
  readonly sweeps: readonly SweepLine[];
  readonly declarations: readonly Declaration[];
  readonly span: Span;
}

export interface Import {
  readonly kind: "import";
  readonly names: readonly { readonly name: Name; readonly as: Name | undefined }[];
  readonly from: TextLiteral;
  readonly with: readonly Argument[];
  readonly span: Span;
}

/** `sweep shots = 1 shot, 5 shot`: the values of one parameter, or of the seed, with which a run computes. It declares no name. */
export interface SweepLine {
  readonly kind: "sweep";
  readonly name: Name;
  readonly values: readonly Expr[];
  readonly span: Span;
}

export type Declaration =
  | ParamDecl
  | DatasetDecl
  | BackboneDecl
  | BlockDecl
  | EpisodeDecl
  | MetricDecl
  | FnDecl
  | StageDecl;

/** `param shots = 5 shot` or `param name: real = 1`. */
export interface ParamDecl {
  readonly kind: "param";
  readonly name: Name;
  readonly type: TypeExpr | undefined;
  readonly value: Expr | undefined;
  readonly span: Span;
}

/** A parameter of a fn, metric, backbone, block, dataset, episode or entry. */
export interface Parameter {
  readonly kind: "parameter";
  readonly name: Name;
  readonly type: TypeExpr | undefined;
  readonly value: Expr | undefined;
  readonly span: Span;
}

/**
 * `int`, `vector [way, shot]`, `one_of(a, b)`, `list`, `fn(a, b over f)`, …
 * `axes` is undefined where no bracket was written; `choices` belongs to one_of; `fn` to function parameters.
 */
export interface TypeExpr {
  readonly kind: "type";
  readonly name: Name;
  readonly axes: readonly AxisRef[] | undefined;
  readonly choices: readonly Name[] | undefined;
  readonly fn: { readonly params: readonly Name[]; readonly axes: readonly AxisRef[] } | undefined;
  readonly span: Span;
}

/** `dataset birds = cub(root: "…") { train … eval … }` (value) or `dataset cub(root: text) { source … }` (params). */
export interface DatasetDecl {
  readonly kind: "dataset";
  readonly name: Name;
  readonly params: readonly Parameter[] | undefined;
  readonly value: Expr | undefined;
  readonly lines: readonly DatasetLine[];
  readonly span: Span;
}

/**
 * `source CALL` (only in the parametric form), `train T, T, …`, `eval T, T, …`, `unreadable skip|stop`,
 * `describe NAME from "FILE"`, or `hold out 0.2`, whose word is `hold out`.
 */
export interface DatasetLine {
  readonly kind: "datasetLine";
  readonly word: Name;
  readonly values: readonly Expr[];
  /** The value after `from`. */
  readonly from: Expr | undefined;
  readonly span: Span;
}

/** `backbone conv64(pools = 4) { layers }` (layers) or `backbone net = resnet12(dropout: 0.1)` (value). */
export interface BackboneDecl {
  readonly kind: "backbone";
  readonly name: Name;
  readonly params: readonly Parameter[] | undefined;
  readonly value: Expr | undefined;
  readonly layers: readonly Layer[] | undefined;
  readonly span: Span;
}

/** `block basic(channels, stride = 1) { layers }`, a reusable run of layers, or a layer that is a formula. */
export interface BlockDecl {
  readonly kind: "block";
  readonly name: Name;
  readonly params: readonly Parameter[];
  /** Empty for a formula. */
  readonly layers: readonly Layer[];
  readonly formula: Formula | undefined;
  readonly span: Span;
}

/** The second part of `block scaled(start = 1.0)(x: map) { learn g = start  g * x }`: a function of the value that enters. */
export interface Formula {
  readonly kind: "formula";
  readonly input: Parameter;
  readonly learns: readonly LearnDecl[];
  readonly body: Block;
  readonly span: Span;
}

/**
 * A layer of a backbone, block or module. `label` is the name before `:`, and `output` the name after `as`: see
 * docs/language.md#backbones-blocks-and-layers.
 */
export type Layer = CallLayer | RepeatLayer | ResidualLayer | ParallelLayer | IfLayer;

interface LayerBase {
  readonly label: Name | undefined;
  readonly output: Name | undefined;
  readonly span: Span;
}
export interface CallLayer extends LayerBase {
  readonly kind: "callLayer";
  readonly callee: Name;
  readonly args: readonly Argument[];
}
export interface RepeatLayer extends LayerBase {
  readonly kind: "repeatLayer";
  readonly count: Expr;
  readonly index: Name | undefined;
  readonly body: readonly Layer[];
}
export interface ResidualLayer extends LayerBase {
  readonly kind: "residualLayer";
  readonly body: readonly Layer[];
  readonly shortcut: readonly Layer[] | undefined;
}
export interface ParallelLayer extends LayerBase {
  readonly kind: "parallelLayer";
  readonly branches: readonly (readonly Layer[])[];
  readonly along: AxisRef;
}
export interface IfLayer extends LayerBase {
  readonly kind: "ifLayer";
  readonly condition: Expr;
  readonly then: readonly Layer[];
  readonly otherwise: readonly Layer[] | undefined;
}

/** `episode task(k = shots) = 5 way, k, 15 query`. */
export interface EpisodeDecl {
  readonly kind: "episode";
  readonly name: Name;
  readonly params: readonly Parameter[];
  readonly parts: readonly (Expr | AllPart)[];
  readonly span: Span;
}
/** `all way`: as many as the split has. */
export interface AllPart {
  readonly kind: "allPart";
  readonly unit: Name;
  readonly span: Span;
}

export interface FnDecl {
  readonly kind: "fn";
  readonly name: Name;
  readonly params: readonly Parameter[];
  /** Axis parameters: the names after `over` in the head. */
  readonly axes: readonly AxisRef[];
  readonly body: Block;
  readonly span: Span;
}

export interface MetricDecl {
  readonly kind: "metric";
  readonly name: Name;
  readonly params: readonly Parameter[];
  readonly learns: readonly LearnDecl[];
  readonly fits: readonly FitDecl[];
  readonly fns: readonly FnDecl[];
  readonly entries: readonly EntryDecl[];
  readonly span: Span;
}

/** One `names = value` group of a `learn` or `fixed` line; `learn q, k = linear(feature), norm = layer_norm(feature)` has two. */
export interface LearnDecl {
  readonly kind: "learn";
  /** True for `fixed S = …`, which is drawn once and never trained. */
  readonly fixed: boolean;
  readonly names: readonly Name[];
  readonly axes: readonly SizedAxis[] | undefined;
  /** The networks that the value is shaped like, with one number for each of their weights: `like encoder, head`. */
  readonly like: readonly Expr[];
  readonly value: Expr;
  readonly positive: boolean;
  readonly span: Span;
}

/** `fit mu: vector from x: vector [item] { … }`, or several values: `fit a [class], b from x: vector [item], y: class [item] { … }`. */
export interface FitDecl {
  readonly kind: "fit";
  readonly values: readonly FittedName[];
  readonly from: readonly Parameter[];
  readonly body: Block;
  readonly span: Span;
}
/** A value of a `fit`: with a type, with axes, or a number if it has neither. */
export interface FittedName {
  readonly name: Name;
  readonly type: TypeExpr | undefined;
  readonly axes: readonly AxisRef[] | undefined;
  readonly span: Span;
}

/** `classify(support: vector [way, shot], query: vector) -> logits [way] { … }`, or a loss entry. */
export interface EntryDecl {
  readonly kind: "entry";
  readonly name: Name;
  readonly params: readonly Parameter[];
  /** True if it may draw while it classifies. */
  readonly random: boolean;
  readonly transductive: boolean;
  /** `transductive, assumes balanced` → ["balanced"]. */
  readonly assumes: readonly Name[];
  readonly result: TypeExpr;
  readonly body: Block;
  readonly span: Span;
}

/** A body: its statements, then its value. `result` is undefined only after a syntax error. */
export interface Block {
  readonly kind: "statementBlock";
  readonly statements: readonly Statement[];
  readonly result: Expr | undefined;
  readonly span: Span;
}

export type Statement = LetStatement | RepeatStatement | MinimizeStatement;

export interface LetStatement {
  readonly kind: "let";
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}
export interface Binding {
  readonly name: Name;
  readonly from: Expr;
}
/** `repeat 20 from u = a, v = b { …; (u2, v2) } until cond`: see docs/language.md#loops-and-minimization. */
export interface RepeatStatement {
  readonly kind: "repeat";
  readonly count: Expr;
  readonly bindings: readonly Binding[];
  readonly body: Block;
  readonly until: Expr | undefined;
  readonly span: Span;
}
/**
 * `minimize w from c by adam(lr: 1e-4) { body.** lr: 1e-5 } for 5 steps, 10 steps at test as t first_order { loss }`: see
 * docs/language.md#loops-and-minimization. Paths of groups begin with the name of a binding.
 */
export interface MinimizeStatement {
  readonly kind: "minimize";
  readonly bindings: readonly Binding[];
  readonly by: Expr;
  readonly groups: readonly OptimizerGroup[];
  readonly steps: Expr;
  readonly stepsAtTest: Expr | undefined;
  /** The name of the number of steps so far, in the loss and in the settings. */
  readonly counter: Name | undefined;
  readonly firstOrder: boolean;
  readonly loss: Block;
  readonly span: Span;
}

export type Expr =
  | NumberLiteral
  | TextLiteral
  | BoolLiteral
  | ListExpr
  | TupleExpr
  | EachExpr
  | NameExpr
  | MemberExpr
  | IndexExpr
  | CallExpr
  | UnaryExpr
  | BinaryExpr
  | IfExpr
  | ModuleExpr
  | ErrorExpr;

/** `5`, `5.0`, `1e-3`, `5 shot`. `integer` tells `5` from `5.0`; `unit` is the word as written (`epochs`). */
export interface NumberLiteral {
  readonly kind: "number";
  readonly value: number;
  readonly integer: boolean;
  readonly unit: Name | undefined;
  readonly span: Span;
}
export interface TextLiteral {
  readonly kind: "text";
  readonly value: string;
  readonly span: Span;
}
export interface BoolLiteral {
  readonly kind: "bool";
  readonly value: boolean;
  readonly span: Span;
}
export interface ListExpr {
  readonly kind: "list";
  readonly items: readonly Expr[];
  readonly span: Span;
}
export interface TupleExpr {
  readonly kind: "tuple";
  readonly items: readonly Expr[];
  readonly span: Span;
}
/** `each [1 shot, 5 shot]`, or `any [1 shot, 5 shot]`. */
export interface EachExpr {
  readonly kind: "each";
  readonly word: "each" | "any";
  readonly items: readonly Expr[];
  readonly span: Span;
}
/** A name in value position; primes are kept (`i'` in `eye(i, i')`). */
export interface NameExpr {
  readonly kind: "ref";
  readonly text: string;
  readonly span: Span;
}
export interface MemberExpr {
  readonly kind: "member";
  readonly object: Expr;
  readonly member: Name;
  readonly span: Span;
}
/** `x[way']` (from = way, to = way'), `x[a as b]`. */
export interface IndexExpr {
  readonly kind: "index";
  readonly object: Expr;
  readonly renames: readonly { readonly from: AxisRef; readonly to: AxisRef }[];
  readonly span: Span;
}
export interface Argument {
  readonly kind: "argument";
  readonly name: Name | undefined;
  readonly value: Expr;
  readonly span: Span;
}
/** `over a, b`, `along a`, `as a`, `as [a: 4, b]`: the last clauses of a call's parenthesis, in the order written. */
export interface Clause {
  readonly kind: "clause";
  readonly word: "over" | "along" | "as";
  readonly axes: readonly SizedAxis[];
  readonly span: Span;
}
/** `merge(x, [way, shot] as item)` is args [x, list], clauses [as item]; `split(x, item as [way, shot])` args [x, item]. */
export interface CallExpr {
  readonly kind: "call";
  readonly callee: Expr;
  readonly args: readonly Argument[];
  /** The labels after `by`: `sum(x by y over item)`. */
  readonly by: Expr | undefined;
  readonly clauses: readonly Clause[];
  readonly span: Span;
}
export interface UnaryExpr {
  readonly kind: "unary";
  readonly op: "-" | "not";
  readonly operand: Expr;
  readonly span: Span;
}
export type BinaryOp = "+" | "-" | "*" | "/" | "^" | "<" | "<=" | ">" | ">=" | "==" | "!=" | "and" | "or";
export interface BinaryExpr {
  readonly kind: "binary";
  readonly op: BinaryOp;
  readonly left: Expr;
  readonly right: Expr;
  readonly span: Span;
}
export interface IfExpr {
  readonly kind: "if";
  readonly condition: Expr;
  readonly then: Block;
  readonly otherwise: Block;
  readonly span: Span;
}
/** `module { layers }`. */
export interface ModuleExpr {
  readonly kind: "module";
  readonly layers: readonly Layer[];
  readonly span: Span;
}
/** An expression that the parser could not read. The checker lets it stand for any type, so one mistake gives one diagnostic. */
export interface ErrorExpr {
  readonly kind: "error";
  readonly span: Span;
}

/** `pretrain teacher { … }`, `meta proto like base { … }`, `evaluate r { … }`. */
export interface StageDecl {
  readonly kind: "stage";
  readonly stage: StageKind;
  readonly name: Name;
  readonly like: Name | undefined;
  readonly lines: readonly StageLine[];
  /** The first words of the lines that the parser could not read. The list is empty in a file without mistakes. */
  readonly unread: readonly Name[];
  readonly span: Span;
}

export type StageLine =
  | SlotLine
  | OfLine
  | DataLine
  | EpisodesLine
  | OptimizerLine
  | ScheduleLine
  | ForLine
  | ValidateLine
  | ReportLine
  | LossLine
  | LearnDecl
  | FitLine
  | InitLine
  | SettingLine;

/** `encoder base.encoder`, `encoder frozen base.encoder`, `head linear(class)`, `metric untrained m`. */
export interface SlotLine {
  readonly kind: "slot";
  readonly slot: "encoder" | "head" | "metric";
  readonly frozen: boolean;
  readonly untrained: boolean;
  readonly value: Expr;
  readonly span: Span;
}
/** `of proto`: all of proto's slots. */
export interface OfLine {
  readonly kind: "of";
  readonly stage: Name;
  readonly span: Span;
}
/** `data birds.train`. */
export interface DataLine {
  readonly kind: "data";
  readonly split: Expr;
  readonly span: Span;
}
/** `episodes task(k: each [1 shot, 5 shot]) from birds.test, 2000 episodes`; `count` only in `evaluate`. */
export interface EpisodesLine {
  readonly kind: "episodes";
  readonly task: Expr;
  readonly split: Expr;
  readonly count: Expr | undefined;
  readonly span: Span;
}
/** `optimizer sgd(lr: 0.1) { encoder.stage[0] frozen; **.bias weight_decay: 0.0 }`. */
export interface OptimizerLine {
  readonly kind: "optimizer";
  readonly value: Expr;
  readonly groups: readonly OptimizerGroup[];
  readonly span: Span;
}
export interface OptimizerGroup {
  readonly kind: "group";
  /** The path as written, without spaces: `encoder.stage[0]`, `**.bias`. */
  readonly path: string;
  readonly pathSpan: Span;
  readonly frozen: boolean;
  readonly settings: readonly Argument[];
  readonly span: Span;
}
export interface ScheduleLine {
  readonly kind: "schedule";
  readonly value: Expr;
  readonly span: Span;
}
/** `for 100 epochs of 500 episodes, 4 episodes per step` / `for 90 epochs, 64 images per step, 4 parts per step, drop last`. */
export interface ForLine {
  readonly kind: "for";
  readonly total: Expr;
  /** The size of an epoch: `of 500 episodes`. */
  readonly of: Expr | undefined;
  readonly perStep: Expr | undefined;
  /** The number of parts in which a step computes its gradient: `4 parts per step`. */
  readonly parts: Expr | undefined;
  readonly dropLast: boolean;
  readonly span: Span;
}
/** `validate task from birds.val, 600 episodes, every epoch, keep best` (`every 5 epochs`: every = 5 epochs). */
export interface ValidateLine {
  readonly kind: "validate";
  readonly task: Expr;
  readonly split: Expr;
  readonly count: Expr | undefined;
  readonly every: Expr | undefined;
  readonly keepBest: boolean;
  readonly span: Span;
}
/** `report accuracy, top2, confusion`. */
export interface ReportLine {
  readonly kind: "report";
  readonly items: readonly ReportItem[];
  readonly span: Span;
}
/** `accuracy`, or `weights every step` (`every 10 steps`: every = 10 steps). */
export interface ReportItem {
  readonly value: Expr;
  readonly every: Expr | undefined;
  readonly span: Span;
}
/** `loss(x: image [item], y: class [item]) { … }` (params) or `loss classify + 0.1 * contrast` (expression). */
export interface LossLine {
  readonly kind: "loss";
  readonly params: readonly Parameter[] | undefined;
  readonly body: Block;
  readonly span: Span;
}
/** `fit from birds.train`. */
export interface FitLine {
  readonly kind: "fitFrom";
  readonly split: Expr;
  readonly span: Span;
}
/** `init encoder from "conv64.safetensors" { "features.{i}.*" -> "encoder.conv.{i}.*"  "fc.*" -> unused }`. */
export interface InitLine {
  readonly kind: "init";
  /** Undefined if every slot is meant. */
  readonly slot: Name | undefined;
  readonly file: Expr;
  readonly rules: readonly WeightRule[];
  readonly span: Span;
}
export interface WeightRule {
  readonly kind: "weightRule";
  /** A pattern of tensor names in the file: `*` is any text within a part, `**` any number of parts, `{i}` a part that `to` repeats. */
  readonly from: TextLiteral;
  /** The paths of the stage's weights, or the word `unused` if the tensors of the file are left out. */
  readonly to: TextLiteral | Name;
  readonly span: Span;
}
/** Any other `word value, value` line of a stage. The checker knows which words exist. */
export interface SettingLine {
  readonly kind: "setting";
  readonly word: Name;
  readonly values: readonly Expr[];
  readonly span: Span;
}
