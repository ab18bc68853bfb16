/** The rules of expressions: operators, calls, members, lists. */
import * as t from "../tokens.js";
import { BaseParser, type Rule } from "./base.js";

const w = t.words;

export abstract class ExpressionParser extends BaseParser {
  abstract readonly layers: Rule;
  abstract readonly block: Rule;

  /** Operators and operands in a row. `build` applies the precedence. */
  readonly expression = this.RULE("expression", () => {
    this.SUBRULE(this.operand);
    this.MANY({
      GATE: () => !this.beginsLine(),
      DEF: () => {
        this.CONSUME(t.Operator);
        this.SUBRULE1(this.operand);
      },
    });
  });
  readonly operand = this.RULE("operand", () => {
    this.MANY({
      GATE: () => !this.is(w.not) || this.startsOperand(2),
      DEF: () =>
        this.OR([
          { ALT: () => this.CONSUME(t.Minus, { LABEL: "prefix" }) },
          { ALT: () => this.CONSUME(t.Bang, { LABEL: "prefix" }) },
          { ALT: () => this.CONSUME(w.not, { LABEL: "prefix" }) },
        ]),
    });
    this.SUBRULE(this.primary);
    this.MANY1({
      GATE: () => this.is(t.Dot) || this.sameLine(),
      DEF: () => this.SUBRULE(this.suffix),
    });
  });
  readonly suffix = this.RULE("suffix", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Dot);
          this.CONSUME(t.Identifier, { LABEL: "member" });
        },
      },
      { ALT: () => this.SUBRULE(this.args) },
      { ALT: () => this.SUBRULE(this.renames) },
    ]);
  });
  readonly primary = this.RULE("primary", () => {
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        { ALT: () => this.SUBRULE(this.number) },
        { ALT: () => this.CONSUME(t.Text) },
        { ALT: () => this.CONSUME(w.true) },
        { ALT: () => this.CONSUME(w.false) },
        { GATE: () => this.is(t.LBracket, 2), ALT: () => this.SUBRULE(this.each) },
        { GATE: () => this.is(t.LBrace, 2), ALT: () => this.SUBRULE(this.module) },
        { GATE: () => this.startsOperand(2), ALT: () => this.SUBRULE(this.ifExpression) },
        { ALT: () => this.CONSUME(t.Identifier) },
        { ALT: () => this.SUBRULE(this.list) },
        { ALT: () => this.SUBRULE(this.tuple) },
      ],
    });
  });
  readonly number = this.RULE("number", () => {
    this.CONSUME(t.NumberToken);
    this.OPTION(() => this.CONSUME(t.Unit));
  });
  readonly each = this.RULE("each", () => {
    this.OR([{ ALT: () => this.CONSUME(w.each) }, { ALT: () => this.CONSUME(w.any) }]);
    this.SUBRULE(this.list);
  });
  readonly list = this.RULE("list", () => {
    this.CONSUME(t.LBracket);
    this.ACTION(() => this.parens++);
    this.SUBRULE(this.items);
    this.CONSUME(t.RBracket);
    this.ACTION(() => this.parens--);
  });
  readonly tuple = this.RULE("tuple", () => {
    this.CONSUME(t.LParen);
    this.ACTION(() => this.parens++);
    this.SUBRULE(this.items);
    this.CONSUME(t.RParen);
    this.ACTION(() => this.parens--);
  });
  readonly items = this.RULE("items", () => {
    this.MANY({
      GATE: () => this.startsOperand(1),
      DEF: () => {
        this.SUBRULE(this.expression);
        this.OPTION(() => this.CONSUME(t.Comma));
      },
    });
  });
  readonly module = this.RULE("module", () => {
    this.CONSUME(w.module);
    this.SUBRULE(this.layers);
  });
  readonly ifExpression = this.RULE("ifExpression", () => {
    this.CONSUME(w.if);
    this.SUBRULE(this.expression, { LABEL: "condition" });
    this.SUBRULE(this.block, { LABEL: "body" });
    this.MANY({
      GATE: () => this.is(w.if, 2),
      DEF: () => {
        this.CONSUME(w.else);
        this.CONSUME1(w.if);
        this.SUBRULE1(this.expression, { LABEL: "condition" });
        this.SUBRULE1(this.block, { LABEL: "body" });
      },
    });
    // Without its `else` an `if` has no value. The rule accepts it, and `build` notes it.
    this.OPTION({
      GATE: () => this.is(t.LBrace, 2),
      DEF: () => {
        this.CONSUME1(w.else);
        this.SUBRULE2(this.block, { LABEL: "body" });
      },
    });
  });
  /** `(x, scale: 2.0 over way, shot)`, `(x by y over item)`. */
  readonly args = this.RULE("args", () => {
    this.CONSUME(t.LParen);
    this.ACTION(() => this.parens++);
    this.MANY({
      GATE: () => !this.atClause() && !this.atBy() && this.startsOperand(1),
      DEF: () => {
        this.SUBRULE(this.argument);
        this.OPTION(() => this.CONSUME(t.Comma));
      },
    });
    this.OPTION1(() => {
      this.CONSUME(w.by);
      this.SUBRULE(this.expression, { LABEL: "by" });
    });
    this.MANY1(() => this.SUBRULE(this.clause));
    this.CONSUME(t.RParen);
    this.ACTION(() => this.parens--);
  });
  readonly argument = this.RULE("argument", () => {
    this.OPTION({
      GATE: () => this.is(t.Colon, 2) || this.is(t.Equals, 2),
      DEF: () => {
        this.CONSUME(t.Identifier);
        this.SUBRULE(this.equals);
      },
    });
    this.SUBRULE(this.expression);
  });
  readonly clause = this.RULE("clause", () => {
    this.OR([
      { ALT: () => this.CONSUME(w.over, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(w.along, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(w.as, { LABEL: "word" }) },
    ]);
    this.OR1([
      {
        ALT: () => {
          this.CONSUME(t.LBracket);
          this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.sizedAxis) });
          this.CONSUME(t.RBracket);
        },
      },
      {
        ALT: () => this.AT_LEAST_ONE_SEP1({ SEP: t.Comma, DEF: () => this.SUBRULE1(this.sizedAxis) }),
      },
    ]);
  });
  /** `way`, `slot: 8`. */
  readonly sizedAxis = this.RULE("sizedAxis", () => {
    this.CONSUME(t.Identifier);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.expression);
    });
  });
  /** `[way']`, `[a as b, c']`. */
  readonly renames = this.RULE("renames", () => {
    this.CONSUME(t.LBracket);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.rename) });
    this.CONSUME(t.RBracket);
  });
  readonly rename = this.RULE("rename", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Identifier, { LABEL: "from" });
          this.OPTION(() => {
            this.CONSUME(w.as);
            this.CONSUME1(t.Identifier, { LABEL: "to" });
          });
        },
      },
      { ALT: () => this.CONSUME(t.NumberToken) },
    ]);
  });
  /** `=`, or a `:` that was meant as `=`. */
  readonly equals = this.RULE("equals", () => {
    this.OR([{ ALT: () => this.CONSUME(t.Equals) }, { ALT: () => this.CONSUME(t.Colon) }]);
  });
  readonly values = this.RULE("values", () => {
    this.SUBRULE(this.expression);
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE1(this.expression);
    });
  });
}
