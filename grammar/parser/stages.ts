/** The rules of stages and their lines. */
import type { IToken, TokenType } from "chevrotain";
import { tokenMatcher } from "../chevrotain.js";
import * as t from "../tokens.js";
import { MethodParser } from "./methods.js";

const w = t.words;
const stageWords: ReadonlySet<TokenType> = new Set(t.lineWords.map((word) => w[word]));

export abstract class StageParser extends MethodParser {
  /** Returns the token after the parenthesis that the k-th token opens. */
  private afterParen(k: number): IToken {
    let depth = 0;
    for (let i = k; ; i++) {
      if (this.is(t.LParen, i)) depth++;
      else if (this.is(t.RParen, i)) depth--;
      if (depth === 0 || Number.isNaN(this.LA(i).startOffset)) return this.LA(i + 1);
    }
  }

  readonly stage = this.RULE("stage", () => {
    this.OR(t.stageKinds.map((kind) => ({ ALT: () => this.CONSUME(w[kind], { LABEL: "word" }) })));
    this.CONSUME(t.Identifier, { LABEL: "name" });
    this.OPTION(() => {
      this.CONSUME(w.like);
      this.CONSUME1(t.Identifier, { LABEL: "like" });
    });
    this.CONSUME(t.LBrace);
    this.MANY({
      GATE: () => !this.is(t.RBrace),
      DEF: () => {
        this.OR1({
          IGNORE_AMBIGUITIES: true,
          DEF: [{ ALT: () => this.SUBRULE(this.stageLine) }, { ALT: () => this.SUBRULE(this.strayLine) }],
        });
      },
    });
    this.CONSUME(t.RBrace);
  });
  readonly stageLine = this.RULE("stageLine", () => {
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        { ALT: () => this.SUBRULE(this.slot) },
        { ALT: () => this.SUBRULE(this.of) },
        { ALT: () => this.SUBRULE(this.data) },
        { ALT: () => this.SUBRULE(this.episodes) },
        { ALT: () => this.SUBRULE(this.optimizer) },
        { ALT: () => this.SUBRULE(this.schedule) },
        { ALT: () => this.SUBRULE(this.for) },
        { ALT: () => this.SUBRULE(this.validate) },
        { ALT: () => this.SUBRULE(this.report) },
        { ALT: () => this.SUBRULE(this.loss) },
        { GATE: () => this.is(w.from, 2), ALT: () => this.SUBRULE(this.fitFrom) },
        { GATE: () => this.is(w.from, 2) || this.is(w.from, 3), ALT: () => this.SUBRULE(this.init) },
        { GATE: () => this.is(t.Identifier, 2) && this.sameLine(2), ALT: () => this.SUBRULE(this.learn) },
        { ALT: () => this.SUBRULE(this.setting) },
      ],
    });
  });
  /**
   * `encoder frozen base.encoder`: `frozen` is a modifier if a value follows it on the line, and a name otherwise. A call of something
   * named `frozen` looks like a value in parentheses, except `frozen (from)`: so the formatter writes a value whose name is a word.
   */
  readonly slot = this.RULE("slot", () => {
    this.OR([
      { ALT: () => this.CONSUME(w.encoder, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(w.head, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(w.metric, { LABEL: "word" }) },
    ]);
    this.MANY({
      GATE: () => (this.is(t.Identifier, 2) || this.guardedName(2)) && this.sameLine(2),
      DEF: () => this.OR1([{ ALT: () => this.CONSUME(w.frozen) }, { ALT: () => this.CONSUME(w.untrained) }]),
    });
    this.SUBRULE(this.expression);
  });
  readonly of = this.RULE("of", () => {
    this.CONSUME(w.of);
    this.CONSUME(t.Identifier);
  });
  readonly data = this.RULE("data", () => {
    this.CONSUME(w.data);
    this.SUBRULE(this.expression);
  });
  readonly episodes = this.RULE("episodes", () => {
    this.CONSUME(w.episodes);
    this.SUBRULE(this.expression, { LABEL: "task" });
    this.CONSUME(w.from);
    this.SUBRULE1(this.expression, { LABEL: "split" });
    this.OPTION(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE2(this.expression, { LABEL: "count" });
    });
  });
  readonly optimizer = this.RULE("optimizer", () => {
    this.CONSUME(w.optimizer);
    this.SUBRULE(this.expression);
    this.OPTION(() => this.SUBRULE(this.groups));
  });
  readonly schedule = this.RULE("schedule", () => {
    this.CONSUME(w.schedule);
    this.SUBRULE(this.expression);
  });
  readonly for = this.RULE("for", () => {
    this.CONSUME(w.for);
    this.SUBRULE(this.expression, { LABEL: "total" });
    this.OPTION({
      GATE: () => this.sameLine() || this.is(t.NumberToken, 2),
      DEF: () => {
        this.CONSUME(w.of);
        this.SUBRULE1(this.expression, { LABEL: "of" });
      },
    });
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE(this.forPart);
    });
  });
  readonly forPart = this.RULE("forPart", () => {
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        {
          GATE: () => this.is(w.last, 2),
          ALT: () => {
            this.CONSUME(w.drop);
            this.CONSUME(w.last);
          },
        },
        {
          ALT: () => {
            this.SUBRULE(this.expression);
            this.CONSUME(w.per);
            this.CONSUME(w.step);
          },
        },
      ],
    });
  });
  readonly validate = this.RULE("validate", () => {
    this.CONSUME(w.validate);
    this.SUBRULE(this.expression, { LABEL: "task" });
    this.CONSUME(w.from);
    this.SUBRULE1(this.expression, { LABEL: "split" });
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE(this.validatePart);
    });
  });
  readonly validatePart = this.RULE("validatePart", () => {
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        {
          GATE: () => this.is(w.best, 2),
          ALT: () => {
            this.CONSUME(w.keep);
            this.CONSUME(w.best);
          },
        },
        {
          GATE: () => this.is(t.Identifier, 2) || this.is(t.NumberToken, 2),
          ALT: () => {
            this.CONSUME(w.every);
            this.SUBRULE(this.expression, { LABEL: "every" });
          },
        },
        { ALT: () => this.SUBRULE1(this.expression, { LABEL: "count" }) },
      ],
    });
  });
  readonly report = this.RULE("report", () => {
    this.CONSUME(w.report);
    this.SUBRULE(this.reportItem);
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE1(this.reportItem);
    });
  });
  /** `weights every 10 steps`. */
  readonly reportItem = this.RULE("reportItem", () => {
    this.SUBRULE(this.expression);
    this.OPTION({
      GATE: () => this.sameLine(),
      DEF: () => {
        this.CONSUME(w.every);
        this.SUBRULE1(this.expression, { LABEL: "every" });
      },
    });
  });
  /** `loss(x: image [item], y: class [item]) { … }` if a block follows the parenthesis, otherwise `loss EXPRESSION`. */
  readonly loss = this.RULE("loss", () => {
    this.CONSUME(w.loss);
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        {
          GATE: () => this.is(t.LParen) && tokenMatcher(this.afterParen(1), t.LBrace),
          ALT: () => {
            this.SUBRULE(this.parameters);
            this.SUBRULE(this.block);
          },
        },
        { ALT: () => this.SUBRULE(this.expression) },
      ],
    });
  });
  readonly fitFrom = this.RULE("fitFrom", () => {
    this.CONSUME(w.fit);
    this.CONSUME(w.from);
    this.SUBRULE(this.expression);
  });
  /** `init encoder from "conv64.safetensors" { "features.{i}.*" -> "encoder.{i}.*" }`. */
  readonly init = this.RULE("init", () => {
    this.CONSUME(w.init);
    this.OPTION({ GATE: () => !this.is(w.from), DEF: () => this.CONSUME(t.Identifier, { LABEL: "slot" }) });
    this.CONSUME(w.from);
    this.SUBRULE(this.expression);
    this.OPTION1(() => {
      this.CONSUME(t.LBrace);
      this.MANY(() => {
        this.SUBRULE(this.weightRule);
        this.OPTION2(() => this.OR([{ ALT: () => this.CONSUME(t.Semicolon) }, { ALT: () => this.CONSUME(t.Comma) }]));
      });
      this.CONSUME(t.RBrace);
    });
  });
  readonly weightRule = this.RULE("weightRule", () => {
    this.CONSUME(t.Text, { LABEL: "from" });
    this.CONSUME(t.Arrow);
    this.OR([
      { ALT: () => this.CONSUME1(t.Text, { LABEL: "to" }) },
      { ALT: () => this.CONSUME(t.Identifier, { LABEL: "unused" }) },
    ]);
  });
  /** A line with any other first word. The checker knows which words exist. Tokens that fit no value are skipped to the line's end. */
  readonly setting = this.RULE("setting", () => {
    this.CONSUME(t.Identifier);
    this.OPTION({ GATE: () => this.is(t.Text, 2), DEF: () => this.CONSUME(w.from) });
    this.OPTION1({
      GATE: () => this.sameLine() && this.startsOperand(1),
      DEF: () => this.SUBRULE(this.values),
    });
    this.MANY({
      GATE: () => this.sameLine() && !this.is(t.RBrace) && !stageWords.has(this.LA(1).tokenType),
      DEF: () => this.SUBRULE(this.strayItem),
    });
  });
}
