/** Datasets: the source at the end of a chain of declarations, transforms, image size, and what is known of the data. */
import type * as ast from "../../../../grammar/ast.js";
import { listed, suggest } from "../../../common/did-you-mean.js";
import type { DataSource, Dataset, DatasetFacts, SourceArg, SplitName, SplitRef } from "../../typed/tree.js";
import type { Checker } from "../core/checker.js";
import type { Scope } from "../core/scope.js";
import { type DatasetValue, describe, type SplitValue } from "../core/values.js";
import { withDefaults } from "../expressions/arguments.js";
import { evaluate } from "../expressions/evaluate.js";
import { type Setting, type SettingTable, settle } from "../expressions/settings.js";
import { elaborateTransforms, type TransformChain } from "./transforms.js";

const lineWords = ["source", "train", "eval", "unreadable"];

/** Lines of a declaration and of those it is made from; its own win. */
interface DatasetLines {
  source: DataSource | undefined;
  /** Read when the source is known: it decides channels. */
  train: { readonly line: ast.DatasetLine; readonly scope: Scope } | undefined;
  eval: { readonly line: ast.DatasetLine; readonly scope: Scope } | undefined;
  unreadable: "stop" | "skip";
  /** Whether everything that was written was right. */
  complete: boolean;
}

/** `resize` sets the shorter side alone, so after one a crop is all that is missing. */
function sizeHelp({ transforms }: TransformChain): string {
  const last = transforms.findLast(({ op }) => op === "resize");
  return last?.op === "resize"
    ? `\`resize(${last.size})\` makes the shorter side ${last.size}: add \`center_crop(${last.size})\`, or in \`train\` \`random_crop(${last.size})\``
    : "add `resize(84), center_crop(84)`, or `random_resized_crop(84)` in `train`";
}

export class Datasets {
  private readonly byId = new Map<string, Dataset | undefined>();

  constructor(private readonly checker: Checker) {}

  get typed(): Record<string, Dataset> {
    const known: Record<string, Dataset> = {};
    for (const [id, dataset] of this.byId) if (dataset !== undefined) known[id] = dataset;
    return known;
  }

  of(value: DatasetValue, at: ast.Span): Dataset | undefined {
    const { id } = value;
    if (!this.byId.has(id)) this.byId.set(id, this.elaborate(value, at));
    return this.byId.get(id);
  }

  private elaborate(value: DatasetValue, at: ast.Span): Dataset | undefined {
    const { checker } = this;
    const { decl } = value;
    const lines = linesOf(value, at, checker);
    if (!lines.complete || lines.source === undefined) return undefined;
    const form = checker.sources.find(({ kind }) => kind === lines.source?.kind);
    if (form === undefined) return undefined;
    const chain = (word: "train" | "eval"): TransformChain | undefined => {
      const written = lines[word];
      if (written === undefined) return { transforms: [], size: undefined };
      return elaborateTransforms(word, written.line.values, form, written.scope);
    };
    const chains = { train: chain("train"), eval: chain("eval") };
    for (const word of ["train", "eval"] as const) {
      const made = chains[word];
      if (made !== undefined && made.size === undefined) {
        checker.report(
          "FSL5021",
          lineSpan(decl, word) ?? decl.name.span,
          { chain: word },
          {
            help: [sizeHelp(made)],
          },
        );
      }
    }
    const train = chains.train;
    const evaluation = chains.eval;
    if (train?.size === undefined || evaluation?.size === undefined) return undefined;
    if (train.size.channels !== evaluation.size.channels || train.size.height !== evaluation.size.height) {
      const print = (size: { channels: number; height: number; width: number }) =>
        `${size.channels}×${size.height}×${size.width}`;
      checker.report(
        "FSL5020",
        lineSpan(decl, "eval") ?? decl.name.span,
        { train: print(train.size), eval: print(evaluation.size) },
        {
          labels: [{ span: lineSpan(decl, "train") ?? decl.name.span, text: `train ends at ${print(train.size)}` }],
        },
      );
      return undefined;
    }
    return {
      id: value.id,
      name: decl.name.text,
      source: lines.source,
      train: train.transforms,
      eval: evaluation.transforms,
      unreadable: lines.unreadable,
      image: train.size,
      facts: checker.facts(lines.source),
      span: decl.span,
    };
  }
}

function lineSpan(decl: ast.DatasetDecl, word: string): ast.Span | undefined {
  return decl.lines.find((line) => line.word.text === word)?.span;
}

function linesOf(value: DatasetValue, at: ast.Span, checker: Checker): DatasetLines {
  const { decl } = value;
  const scope = withDefaults(decl, value.scope, at);
  const lines: DatasetLines = {
    source: undefined,
    train: undefined,
    eval: undefined,
    unreadable: "stop",
    complete: true,
  };
  if (decl.value !== undefined) {
    const base = evaluate(decl.value, scope);
    if (base.kind === "dataset") {
      const inherited = checker.inside(decl, decl.name, () => linesOf(base, at, checker));
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
    const word = line.word.text;
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

function readLine(line: ast.DatasetLine, lines: DatasetLines, scope: Scope, derived: boolean): void {
  const { checker } = scope;
  const word = line.word.text;
  switch (word) {
    case "source": {
      const call = line.values[0];
      const settled = call === undefined ? undefined : settle(call, sourceTable(checker), "data source", scope);
      if (settled === undefined || derived) {
        if (derived) checker.report("FSL5002", line.word.span, { kind: "dataset made from another", line: word });
        lines.complete = false;
      } else lines.source = { kind: settled.name, args: settled.args };
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
    default:
      checker.report("FSL5002", line.word.span, { kind: "dataset", line: word }, { help: suggest(word, lineWords) });
      lines.complete = false;
  }
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

/** A split, checked to exist where the data are known. */
export function checkSplit(value: SplitValue, dataset: Dataset, checker: Checker): SplitRef | undefined {
  const facts: DatasetFacts | undefined = dataset.facts;
  if (facts !== undefined && facts.splits[value.split] === undefined) {
    const has = Object.keys(facts.splits) as SplitName[];
    checker.report(
      "FSL5006",
      value.span,
      { dataset: dataset.name, split: value.split },
      {
        help: has.length === 0 ? [] : [`it has ${listed(has)}`],
      },
    );
    return undefined;
  }
  return { dataset: dataset.id, split: value.split, span: value.span };
}
