/**
 * The grammar of FSL 1 as Chevrotain rules, which turn tokens into a concrete tree. `docs/language.md` states the same rules in
 * EBNF under the same names, and a test compares the two. Gates make the choices that a word alone does not decide. For common
 * slips (`=` for `:`, a missing comma) the rule accepts the slip as well, and `build` notes it.
 */
import type { IToken, Rule } from "chevrotain";
import { type DecisionEntry, type Decisions, decodeDecisions, encodeDecisions } from "./decisions.js";
import { knownDecisions } from "./known-decisions.js";
import type { ParserOptions } from "./parser/base.js";
import { StageParser } from "./parser/stages.js";
import * as t from "./tokens.js";

const w = t.words;

/** The part of Chevrotain's analysis of a grammar that parsing needs. The names are Chevrotain's. */
interface Analysed {
  readonly selfAnalysisDone: boolean;
  readonly lookAheadFuncsCache: Decisions;
}

/** The last class of the parser: it has the rules of files and declarations. Its base classes have the others. */
export class FslParser extends StageParser {
  private readonly recorded: boolean;

  /** With `decisions` the rules need not be recorded, but such a parser cannot recover from mistakes. */
  constructor(options: ParserOptions, decisions?: readonly DecisionEntry[]) {
    super(options);
    this.recorded = decisions === undefined;
    if (decisions === undefined) this.performSelfAnalysis();
    else
      Object.assign(this, {
        selfAnalysisDone: true,
        lookAheadFuncsCache: decodeDecisions(decisions),
      } satisfies Analysed);
  }

  /** Returns the recorded rules, in which Chevrotain looks up what it expected at a mistake. */
  override getGAstProductions(): Record<string, Rule> {
    return this.recorded ? super.getGAstProductions() : recoveringParser().getGAstProductions();
  }

  /** The decisions of this parser, for another parser of the same grammar. */
  get decisions(): DecisionEntry[] {
    return encodeDecisions((this as unknown as Analysed).lookAheadFuncsCache);
  }

  private atDeclaration(): boolean {
    const word = t.declarationWords.has(this.LA(1).image) && !this.is(t.Unit);
    return this.is(w.import) || (word && this.is(t.Identifier, 2));
  }

  readonly file = this.RULE("file", () => {
    this.OPTION({
      GATE: () => this.is(t.NumberToken, 2),
      DEF: () => {
        this.CONSUME(w.fsl);
        this.CONSUME(t.NumberToken);
        this.OPTION1(() => this.CONSUME(t.Unit));
      },
    });
    this.MANY(() => {
      this.OR({
        IGNORE_AMBIGUITIES: true,
        DEF: [
          { GATE: () => this.atDeclaration(), ALT: () => this.SUBRULE(this.importLine) },
          { GATE: () => this.atDeclaration(), ALT: () => this.SUBRULE(this.sweepLine) },
          { GATE: () => this.atDeclaration(), ALT: () => this.SUBRULE(this.declaration) },
          { ALT: () => this.SUBRULE(this.stray) },
        ],
      });
    });
  });
  /**
   * Tokens that begin no declaration, up to the next line that begins one. A block among them is skipped whole. After the counts
   * of an episode such a token means that a comma was left out.
   */
  readonly stray = this.RULE("stray", () => {
    const listed = this.LA(0) === this.lastListed && this.sameLine();
    const first = this.CONSUME1(t.Any);
    this.ACTION(() => this.strays.push({ token: first, kind: listed ? "missing-comma" : "not-a-declaration" }));
    let depth = 0;
    this.MANY({
      GATE: () => depth > 0 || (!this.atDeclaration() && (this.sameLine() || !this.is(t.Identifier))),
      DEF: () => {
        const { tokenType } = this.CONSUME2(t.Any);
        if (tokenType === t.LBrace) depth++;
        else if (tokenType === t.RBrace) depth--;
      },
    });
  });
  readonly importLine = this.RULE("importLine", () => {
    this.CONSUME(w.import);
    this.CONSUME(t.LBrace);
    this.MANY(() => {
      this.SUBRULE(this.importName);
      this.OPTION(() => this.CONSUME(t.Comma));
    });
    this.CONSUME(t.RBrace);
    this.CONSUME(w.from);
    this.CONSUME(t.Text);
    this.OPTION1(() => {
      this.CONSUME(w.with);
      this.SUBRULE(this.args);
    });
  });
  readonly importName = this.RULE("importName", () => {
    this.CONSUME(t.Identifier, { LABEL: "name" });
    this.OPTION(() => {
      this.CONSUME(w.as);
      this.CONSUME1(t.Identifier, { LABEL: "alias" });
    });
  });
  readonly sweepLine = this.RULE("sweepLine", () => {
    this.CONSUME(w.sweep);
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.equals);
    this.SUBRULE(this.values);
  });
  readonly declaration = this.RULE("declaration", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.param) },
      { ALT: () => this.SUBRULE(this.dataset) },
      { ALT: () => this.SUBRULE(this.backbone) },
      { ALT: () => this.SUBRULE(this.blockLayer) },
      { ALT: () => this.SUBRULE(this.episode) },
      { ALT: () => this.SUBRULE(this.metric) },
      { ALT: () => this.SUBRULE(this.fn) },
      { ALT: () => this.SUBRULE(this.stage) },
    ]);
  });
  readonly param = this.RULE("param", () => {
    this.CONSUME(w.param);
    this.SUBRULE(this.parameter);
  });
  readonly dataset = this.RULE("dataset", () => {
    this.CONSUME(w.dataset);
    this.CONSUME(t.Identifier);
    this.OR([
      { ALT: () => this.SUBRULE(this.parameters) },
      {
        ALT: () => {
          this.SUBRULE(this.equals);
          this.SUBRULE(this.expression);
        },
      },
      { ALT: () => undefined },
    ]);
    this.OPTION(() => {
      this.CONSUME(t.LBrace);
      this.MANY({
        GATE: () => !this.is(t.RBrace),
        DEF: () => {
          this.OR1({
            IGNORE_AMBIGUITIES: true,
            DEF: [{ ALT: () => this.SUBRULE(this.datasetLine) }, { ALT: () => this.SUBRULE(this.strayLine) }],
          });
        },
      });
      this.CONSUME(t.RBrace);
    });
  });
  readonly datasetLine = this.RULE("datasetLine", () => {
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        {
          GATE: () => this.is(w.out, 2),
          ALT: () => {
            this.CONSUME(w.hold);
            this.CONSUME(w.out);
            this.SUBRULE(this.expression);
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.Identifier);
            this.SUBRULE(this.values);
            this.OPTION(() => {
              this.CONSUME(w.from);
              this.SUBRULE1(this.expression);
            });
          },
        },
      ],
    });
  });
  readonly backbone = this.RULE("backbone", () => {
    this.CONSUME(w.backbone);
    this.CONSUME(t.Identifier);
    this.OPTION(() => this.SUBRULE(this.parameters));
    this.OR([
      {
        ALT: () => {
          this.SUBRULE(this.equals);
          this.SUBRULE(this.expression);
        },
      },
      { ALT: () => this.SUBRULE(this.layers) },
    ]);
  });
  readonly blockLayer = this.RULE("blockLayer", () => {
    this.CONSUME(w.block);
    this.CONSUME(t.Identifier);
    this.OPTION(() => this.SUBRULE(this.parameters));
    this.OR([{ ALT: () => this.SUBRULE(this.formula) }, { ALT: () => this.SUBRULE(this.layers) }]);
  });
  /** `(x: map) { learn g = 1.0  g * x }`. */
  readonly formula = this.RULE("formula", () => {
    this.SUBRULE(this.parameters);
    this.SUBRULE(this.block);
  });
  readonly episode = this.RULE("episode", () => {
    this.CONSUME(w.episode);
    this.CONSUME(t.Identifier);
    this.OPTION(() => this.SUBRULE(this.parameters));
    this.SUBRULE(this.equals);
    this.SUBRULE(this.episodePart);
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE1(this.episodePart);
    });
    this.ACTION(() => {
      this.lastListed = this.LA(0);
    });
  });
  /** `5 way`, or `all way` for as many as the split has. */
  readonly episodePart = this.RULE("episodePart", () => {
    this.OPTION({
      GATE: () => this.is(t.Identifier, 2) && this.sameLine(2),
      DEF: () => this.CONSUME(w.all),
    });
    this.SUBRULE(this.expression);
  });
  /** The last token of an episode's counts. */
  private lastListed: IToken | undefined;
}

let strict: FslParser | undefined;
let recovering: FslParser | undefined;

/**
 * Returns the parser that stops at the first mistake. With known decisions it is made in a fraction of the recovering parser's
 * time. Both give the same tree for a text without mistakes.
 */
export function strictParser(): FslParser {
  strict ??= new FslParser({ recoveryEnabled: false, skipValidations: true }, knownDecisions);
  return strict;
}

/** Returns the parser that goes on after a mistake. It is made when the first mistake is met. */
export function recoveringParser(): FslParser {
  recovering ??= new FslParser({ recoveryEnabled: true, skipValidations: true });
  return recovering;
}
