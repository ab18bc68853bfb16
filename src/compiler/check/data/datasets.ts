/** Elaborates datasets: the source, the transforms, the size of images and the facts that are known of the data. */
import type * as ast from "../../../../grammar/ast.js";
import { listed, suggest } from "../../../common/did-you-mean.js";
import { withHeldOut, withUnions } from "../../typed/splits.js";
import type {
  DataSource,
  Dataset,
  DatasetFacts,
  ImageSize,
  SourceArg,
  SourceForm,
  SplitRef,
  Transform,
} from "../../typed/tree.js";
import type { Checker } from "../core/checker.js";
import type { Scope } from "../core/scope.js";
import { type DatasetValue, describe, type SplitValue } from "../core/values.js";
import { withDefaults } from "../expressions/arguments.js";
import { evaluate } from "../expressions/evaluate.js";
import { foreignDatasetLine } from "../expressions/foreign-words.js";
import { type BoundCall, bindNamedCall, type Setting, type SettingTable } from "../expressions/settings.js";
import { elaborateDescription, readDescribeLine, type WrittenDescription } from "./descriptions.js";
import { elaborateTransforms, type TransformChain } from "./transforms.js";

const lineWords = ["source", "train", "eval", "unreadable", "classes", "describe", "hold out"];

/** The lines of a dataset. Its own lines stand in place of those of the dataset that it is made from. */
interface DatasetLines {
  source: DataSource | undefined;
  /** The lines of transforms, which are elaborated when the source is known because it decides the channels. */
  train: { readonly line: ast.DatasetLine; readonly scope: Scope } | undefined;
  eval: { readonly line: ast.DatasetLine; readonly scope: Scope } | undefined;
  unreadable: "stop" | "skip";
  /** True if the splits may have the same classes. */
  sharedClasses: boolean;
  /** The `describe` lines by the name of what they describe. */
  describes: ReadonlyMap<string, WrittenDescription>;
  holdOut: number | undefined;
  /** False if a line has been reported as wrong. */
  complete: boolean;
}

/** Returns help for images without one size. After a `resize`, which sets the shorter side, only a crop is missing. */
function sizeHelp({ transforms }: TransformChain): string {
  const last = transforms.findLast(({ op }) => op === "resize");
  return last?.op === "resize"
    ? `\`resize(${last.size})\` makes the shorter side ${last.size}: add \`center_crop(${last.size})\`, or in \`train\` \`random_crop(${last.size})\``
    : "add `resize(84), center_crop(84)`, or `random_resized_crop(84)` in `train`";
}

/** The transforms of a dataset, and the size of an image after either chain. */
interface Chains {
  readonly train: readonly Transform[];
  readonly eval: readonly Transform[];
  readonly image: ImageSize;
}

export class Datasets {
  private readonly byId = new Map<string, Dataset | undefined>();

  constructor(private readonly checker: Checker) {}

  /** Returns the datasets that have been asked for, by id. */
  get typed(): Record<string, Dataset> {
    return Object.fromEntries(
      [...this.byId].flatMap(([id, dataset]) => (dataset === undefined ? [] : [[id, dataset] as const])),
    );
  }

  /** Returns the dataset, or undefined after a report. It is elaborated once. */
  of(value: DatasetValue, at: ast.Span): Dataset | undefined {
    const { id } = value;
    if (!this.byId.has(id)) this.byId.set(id, this.elaborate(value, at));
    return this.byId.get(id);
  }

  /** Returns the transforms of one line. Reports FSL5021 if they leave images of different sizes. */
  private chain(
    word: "train" | "eval",
    lines: DatasetLines,
    form: SourceForm,
    decl: ast.DatasetDecl,
  ): TransformChain | undefined {
    const written = lines[word];
    const chain =
      written === undefined
        ? { transforms: [], size: undefined }
        : elaborateTransforms(word, written.line.values, form, written.scope);
    if (chain !== undefined && chain.size === undefined)
      this.checker.report("FSL5021", lineSpan(decl, word), { chain: word }, { help: [sizeHelp(chain)] });
    return chain;
  }

  private elaborate(value: DatasetValue, at: ast.Span): Dataset | undefined {
    const { checker } = this;
    const { decl } = value;
    const lines = linesOf(value, at, checker);
    if (!lines.complete || lines.source === undefined) return undefined;
    const form = checker.sources.find(({ kind }) => kind === lines.source?.kind);
    if (form === undefined) return undefined;
    const facts = this.look(lines.source, decl, lines);
    const chains = form.vectors ? this.vectors(lines, facts, decl) : this.chains(lines, form, decl);
    if (chains === undefined) return undefined;
    const described = { source: lines.source, form };
    const written = [...lines.describes.values()];
    const descriptions = written.flatMap((one) => elaborateDescription(one, described, value.scope) ?? []);
    if (descriptions.length < written.length) return undefined;
    return {
      id: value.id,
      name: decl.name.text,
      source: lines.source,
      train: chains.train,
      eval: chains.eval,
      unreadable: lines.unreadable,
      ...(descriptions.length > 0 ? { descriptions } : {}),
      ...(lines.sharedClasses ? { sharedClasses: true } : {}),
      ...(lines.holdOut === undefined ? {} : { holdOut: lines.holdOut }),
      image: chains.image,
      facts,
      span: decl.span,
    };
  }

  /** Returns both chains and the size of images after them, or undefined after a report. */
  private chains(lines: DatasetLines, form: SourceForm, decl: ast.DatasetDecl): Chains | undefined {
    const train = this.chain("train", lines, form, decl);
    const evaluation = this.chain("eval", lines, form, decl);
    if (train?.size === undefined || evaluation?.size === undefined) return undefined;
    if (train.size.channels === evaluation.size.channels && train.size.height === evaluation.size.height)
      return { train: train.transforms, eval: evaluation.transforms, image: train.size };
    const [trained, evaluated] = [sizeText(train.size), sizeText(evaluation.size)];
    const labels = [{ span: lineSpan(decl, "train"), text: `train ends at ${trained}` }];
    this.checker.report("FSL5020", lineSpan(decl, "eval"), { train: trained, eval: evaluated }, { labels });
    return undefined;
  }

  /** Returns the size of vectors, which no transform changes. Reports FSL5080 if there are transforms, or if the length is not known. */
  private vectors(
    lines: DatasetLines,
    facts: DatasetFacts | undefined,
    { name, value }: ast.DatasetDecl,
  ): Chains | undefined {
    const written = lines.train ?? lines.eval;
    if (written !== undefined) {
      const why = "vectors are taken as they are, without transforms";
      const help = ["leave the line out; `normalize(x over feature)` in a metric gives vectors of length 1"];
      this.checker.report("FSL5080", written.line.span, { dataset: name.text, why }, { help });
      return undefined;
    }
    if (facts?.vector !== undefined)
      return { train: [], eval: [], image: { channels: facts.vector, height: 1, width: 1, values: "f32" } };
    if (!this.hasErrors(lines.source)) {
      const why = "how long its vectors are is known only when the data are there";
      this.checker.report("FSL5080", value?.span ?? name.span, { dataset: name.text, why });
    }
    return undefined;
  }

  /** Returns true if the data of a source have errors, which `look` has reported. */
  private hasErrors(source: DataSource | undefined): boolean {
    const findings = source === undefined ? [] : (this.checker.facts(source)?.findings ?? []);
    return findings.some(({ severity }) => severity === "error");
  }

  /** Returns the facts of the data and reports what is wrong with them. After an error nothing counts as known. */
  private look(
    source: DataSource,
    decl: ast.DatasetDecl,
    { sharedClasses, holdOut }: DatasetLines,
  ): DatasetFacts | undefined {
    const facts = this.checker.facts(source);
    const span = decl.value?.span ?? lineSpan(decl, "source");
    const findings = (facts?.findings ?? []).filter(({ code }) => !(sharedClasses && code === "FSL6007"));
    for (const finding of findings) this.checker.add({ ...finding, span, labels: [] });
    const wrong = findings.some(({ severity }) => severity === "error");
    if (wrong || facts === undefined || Object.keys(facts.splits).length === 0) return undefined;
    if (holdOut !== undefined && facts.splits.seen !== undefined) {
      const at = decl.lines.find((line) => line.word.text === "hold out")?.span ?? span;
      const kind = "dataset whose source has the split `seen`";
      this.checker.report("FSL5002", at, { kind, line: "hold out" });
      return facts;
    }
    return withUnions(holdOut === undefined ? facts : withHeldOut(facts, holdOut));
  }
}

/** Returns the span of a line of the declaration, or of its name if the line is inherited. */
function lineSpan(decl: ast.DatasetDecl, word: string): ast.Span {
  return decl.lines.find((line) => line.word.text === word)?.span ?? decl.name.span;
}

function sizeText({ channels, height, width }: ImageSize): string {
  return `${channels}×${height}×${width}`;
}

function linesOf(value: DatasetValue, at: ast.Span, checker: Checker): DatasetLines {
  const { decl } = value;
  const scope = withDefaults(decl, value.scope, at);
  const lines: DatasetLines = {
    source: undefined,
    train: undefined,
    eval: undefined,
    unreadable: "stop",
    sharedClasses: false,
    describes: new Map(),
    holdOut: undefined,
    complete: true,
  };
  if (decl.value !== undefined) {
    const base = evaluate(decl.value, scope);
    if (base.kind === "dataset") {
      const inherited = checker.evaluateOnce(decl, decl.name, () => linesOf(base, at, checker));
      if (inherited === undefined) lines.complete = false;
      else Object.assign(lines, inherited);
    } else {
      if (base.kind !== "anything") {
        checker.report("FSL2019", decl.value.span, { needed: "a dataset", found: describe(base) });
      }
      lines.complete = false;
    }
  }
  const seen = new Map<string, ast.Span>();
  for (const line of decl.lines) {
    const word = lineKey(line);
    const first = seen.get(word);
    if (first !== undefined) {
      checker.report(
        "FSL5003",
        line.word.span,
        { line: word },
        { labels: [{ span: first, text: "given here first" }] },
      );
      lines.complete = false;
      continue;
    }
    seen.set(word, line.word.span);
    readLine(line, lines, scope, decl.value !== undefined);
  }
  if (decl.value === undefined && !seen.has("source")) {
    checker.report(
      "FSL5001",
      decl.name.span,
      { kind: "dataset", stage: decl.name.text, line: "source" },
      {
        help: ['write `source folder(root: "…")`, or make it from another: `dataset birds = cub(root: "…")`'],
      },
    );
    lines.complete = false;
  }
  return lines;
}

/** Returns the key of a line: its word, with the name of a `describe`, which may stand several times. */
function lineKey({ word, values: [value] }: ast.DatasetLine): string {
  return word.text === "describe" && value?.kind === "ref" ? `describe ${value.text}` : word.text;
}

function readLine(line: ast.DatasetLine, lines: DatasetLines, scope: Scope, derived: boolean): void {
  const { checker } = scope;
  const word = line.word.text;
  if (line.from !== undefined && word !== "describe") {
    checker.report("FSL5002", line.from.span, { kind: "dataset", line: `${word} … from` });
    lines.complete = false;
    return;
  }
  switch (word) {
    case "hold out": {
      const [share] = line.values;
      const value = share === undefined ? undefined : evaluate(share, scope);
      if ((value?.kind === "real" || value?.kind === "int") && value.value > 0 && value.value < 1)
        lines.holdOut = value.value;
      else {
        if (value !== undefined && value.kind !== "anything") {
          const found = value.kind === "real" || value.kind === "int" ? value.value : describe(value);
          checker.report("FSL5008", share?.span ?? line.span, {
            what: "the share to hold out",
            range: "above 0 and below 1",
            found,
          });
        }
        lines.complete = false;
      }
      return;
    }
    case "describe": {
      const written = readDescribeLine(line, scope);
      if (written === undefined) lines.complete = false;
      else lines.describes = new Map([...lines.describes, [written.name.text, written]]);
      return;
    }
    case "source": {
      const call = line.values[0];
      const bound = call === undefined ? undefined : bindNamedCall(call, sourceTable(checker), "data source", scope);
      if (bound === undefined || derived) {
        if (derived) checker.report("FSL5002", line.word.span, { kind: "dataset made from another", line: word });
        lines.complete = false;
      } else if (sourceTable(checker)[bound.name]?.some(({ name }) => bound.args[name] === undefined)) {
        // An argument without a value has been reported.
        lines.complete = false;
      } else if (mayRead(bound, checker)) lines.source = { kind: bound.name, args: bound.args };
      else lines.complete = false;
      return;
    }
    case "train":
    case "eval": {
      lines[word] = { line, scope };
      return;
    }
    case "unreadable": {
      const value = line.values[0];
      if (value?.kind === "ref" && (value.text === "skip" || value.text === "stop")) lines.unreadable = value.text;
      else {
        checker.report(
          "FSL3009",
          line.span,
          { what: "`unreadable`", expected: "`skip` or `stop`", found: "something else" },
          {
            help: value?.kind === "ref" ? suggest(value.text, ["skip", "stop"]) : [],
          },
        );
        lines.complete = false;
      }
      return;
    }
    case "classes": {
      const value = line.values[0];
      if (value?.kind === "ref" && value.text === "shared") lines.sharedClasses = true;
      else {
        checker.report("FSL3009", line.span, { what: "`classes`", expected: "`shared`", found: "something else" });
        lines.complete = false;
      }
      return;
    }
    default:
      checker.report(
        "FSL5002",
        line.word.span,
        { kind: "dataset", line: word },
        { help: foreignDatasetLine(word) ?? suggest(word, lineWords) },
      );
      lines.complete = false;
  }
}

/** Returns true if the source may read what its arguments name. All texts among the arguments of sources are paths. */
function mayRead({ given }: BoundCall, checker: Checker): boolean {
  return [...given.values()].every(({ value }) => value.kind !== "text" || checker.allowsPath(value.value, value.span));
}

function sourceTable({ sources }: Checker): SettingTable {
  return Object.fromEntries(sources.map(({ kind, args }) => [kind, args.map(settingOf)]));
}
function settingOf({ name, type, choices = [], default: otherwise, range }: SourceArg): Setting {
  return {
    name,
    type: type === "choice" ? { kind: type, choices } : { kind: type },
    ...(otherwise === undefined ? {} : { default: otherwise }),
    ...(range === undefined ? {} : { min: range[0], max: range[1] }),
  };
}

/** Returns a split. Reports FSL5006 if the data are available and have no such split. */
export function checkSplit(value: SplitValue, dataset: Dataset, checker: Checker): SplitRef | undefined {
  const splits = dataset.facts?.splits;
  const isHeldOut = dataset.holdOut !== undefined && (value.split === "seen" || value.split === "train");
  const isUnknown = value.split === "seen" ? splits === undefined || splits.train !== undefined : true;
  if (isHeldOut && isUnknown && splits?.[value.split] === undefined)
    return { dataset: dataset.id, split: value.split, span: value.span };
  if ((splits !== undefined || value.split === "seen") && splits?.[value.split] === undefined) {
    const names = Object.keys(splits ?? {}).filter((name) => !name.includes("+"));
    const help = [
      ...(value.split === "seen" ? ["`hold out 0.2` in the dataset keeps a share of the training images for it"] : []),
      ...(names.length === 0 ? [] : [`it has ${listed(names)}`]),
      ...(dataset.facts?.seen ?? []),
    ];
    checker.report("FSL5006", value.span, { dataset: dataset.name, split: value.split }, { help });
    return undefined;
  }
  return { dataset: dataset.id, split: value.split, span: value.span };
}
