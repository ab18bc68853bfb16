/** The rules of methods: parameters and types, blocks and statements, functions and metrics. */
import * as t from "../tokens.js";
import { LayerParser } from "./layers.js";

const w = t.words;

export abstract class MethodParser extends LayerParser {
  /** `name`, `name: type`, `name = value`, `name: type = value`. */
  readonly parameter = this.RULE("parameter", () => {
    this.CONSUME(t.Identifier);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.OR({
        IGNORE_AMBIGUITIES: true,
        DEF: [
          { GATE: () => this.is(t.Identifier), ALT: () => this.SUBRULE(this.type) },
          { ALT: () => this.SUBRULE(this.expression, { LABEL: "colonValue" }) },
        ],
      });
    });
    this.OPTION1(() => {
      this.CONSUME(t.Equals);
      this.SUBRULE1(this.expression, { LABEL: "value" });
    });
  });
  readonly parameters = this.RULE("parameters", () => {
    this.CONSUME(t.LParen);
    this.MANY(() => {
      this.SUBRULE(this.parameter);
      this.OPTION(() => this.CONSUME(t.Comma));
    });
    this.CONSUME(t.RParen);
  });
  readonly type = this.RULE("type", () => {
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        { GATE: () => this.is(t.LParen, 2), ALT: () => this.SUBRULE(this.fnType) },
        { GATE: () => this.is(t.LParen, 2), ALT: () => this.SUBRULE(this.choiceType) },
        { ALT: () => this.SUBRULE(this.valueType) },
      ],
    });
  });
  readonly fnType = this.RULE("fnType", () => {
    this.CONSUME(w.fn);
    this.SUBRULE(this.fnHead);
  });
  readonly choiceType = this.RULE("choiceType", () => {
    this.CONSUME(w.one_of);
    this.CONSUME(t.LParen);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Identifier) });
    this.CONSUME(t.RParen);
  });
  readonly valueType = this.RULE("valueType", () => {
    this.CONSUME(t.Identifier);
    this.OPTION(() => {
      this.CONSUME(t.LBracket);
      this.MANY_SEP({ SEP: t.Comma, DEF: () => this.CONSUME1(t.Identifier, { LABEL: "axis" }) });
      this.CONSUME(t.RBracket);
    });
  });
  /** `(a, b = 1 over f, g)`. */
  readonly fnHead = this.RULE("fnHead", () => {
    this.CONSUME(t.LParen);
    this.MANY({
      GATE: () => !this.atClause(),
      DEF: () => {
        this.SUBRULE(this.parameter);
        this.OPTION(() => this.CONSUME(t.Comma));
      },
    });
    this.OPTION1(() => {
      this.CONSUME(w.over);
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Identifier, { LABEL: "axis" }) });
    });
    this.CONSUME(t.RParen);
  });
  readonly fn = this.RULE("fn", () => {
    this.CONSUME(w.fn);
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.fnHead);
    this.SUBRULE(this.block);
  });
  readonly metric = this.RULE("metric", () => {
    this.CONSUME(w.metric);
    this.CONSUME(t.Identifier);
    this.OPTION(() => this.SUBRULE(this.parameters));
    this.CONSUME(t.LBrace);
    this.MANY({
      GATE: () => !this.is(t.RBrace),
      DEF: () => {
        this.OR({
          IGNORE_AMBIGUITIES: true,
          DEF: [
            { GATE: () => this.is(t.Identifier, 2), ALT: () => this.SUBRULE(this.learn) },
            { GATE: () => this.is(t.Identifier, 2), ALT: () => this.SUBRULE(this.fit) },
            { GATE: () => this.is(t.Identifier, 2), ALT: () => this.SUBRULE(this.fn) },
            { ALT: () => this.SUBRULE(this.entry) },
            { ALT: () => this.SUBRULE(this.strayLine) },
          ],
        });
      },
    });
    this.CONSUME(t.RBrace);
  });
  /** `learn …`, or `fixed …` for values that are drawn once. */
  readonly learn = this.RULE("learn", () => {
    this.OR([{ ALT: () => this.CONSUME(w.learn) }, { ALT: () => this.CONSUME(w.fixed) }]);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.learnGroup) });
  });
  /** `q, k, v = linear(feature)`, `M [class, patch] = normal(0.02)`, `rate like encoder = 0.01`, `t = 1.0 positive`. */
  readonly learnGroup = this.RULE("learnGroup", () => {
    this.CONSUME(t.Identifier, { LABEL: "name" });
    this.MANY(() => {
      this.CONSUME(t.Comma);
      this.CONSUME1(t.Identifier, { LABEL: "name" });
    });
    this.OPTION(() => {
      this.CONSUME(t.LBracket);
      this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.sizedAxis) });
      this.CONSUME(t.RBracket);
    });
    this.OPTION1(() => {
      this.CONSUME(w.like);
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.expression, { LABEL: "like" }) });
    });
    this.SUBRULE(this.equals);
    this.SUBRULE1(this.expression, { LABEL: "value" });
    this.OPTION2(() => this.CONSUME(w.positive));
  });
  readonly fit = this.RULE("fit", () => {
    this.CONSUME(w.fit);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.fitted) });
    this.CONSUME(w.from);
    this.AT_LEAST_ONE_SEP1({ SEP: t.Comma, DEF: () => this.SUBRULE(this.parameter) });
    this.SUBRULE(this.block);
  });
  /** `mu: vector`, `V [feature, attribute]`, or `scale` for a number. */
  readonly fitted = this.RULE("fitted", () => {
    this.CONSUME(t.Identifier);
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Colon);
          this.SUBRULE(this.type);
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.LBracket);
          this.MANY_SEP({ SEP: t.Comma, DEF: () => this.CONSUME1(t.Identifier, { LABEL: "axis" }) });
          this.CONSUME(t.RBracket);
        },
      },
      { ALT: () => undefined },
    ]);
  });
  readonly entry = this.RULE("entry", () => {
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.parameters);
    this.OPTION2(() => this.CONSUME(w.random));
    this.OPTION(() => {
      this.CONSUME(w.transductive);
      this.OPTION1(() => {
        this.CONSUME(t.Comma);
        this.CONSUME(w.assumes);
        this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME1(t.Identifier, { LABEL: "assumed" }) });
      });
    });
    this.CONSUME(t.Arrow);
    this.SUBRULE(this.type);
    this.SUBRULE(this.block);
  });
  readonly block = this.RULE("block", () => {
    this.CONSUME(t.LBrace);
    this.ACTION(() => {
      this.outerParens.push(this.parens);
      this.parens = 0;
    });
    this.MANY({
      GATE: () => !this.is(t.RBrace),
      DEF: () => {
        this.OR({
          IGNORE_AMBIGUITIES: true,
          DEF: [
            { GATE: () => this.is(t.Identifier, 2) && this.sameLine(2), ALT: () => this.SUBRULE(this.learn) },
            { GATE: () => this.is(t.Identifier, 2), ALT: () => this.SUBRULE(this.letStatement) },
            { GATE: () => this.startsOperand(2), ALT: () => this.SUBRULE(this.repeatStatement) },
            { GATE: () => this.is(t.Identifier, 2), ALT: () => this.SUBRULE(this.minimize) },
            { GATE: () => this.startsOperand(1), ALT: () => this.SUBRULE(this.expression) },
            { ALT: () => this.CONSUME(t.Semicolon) },
            { ALT: () => this.SUBRULE(this.strayLine) },
          ],
        });
      },
    });
    this.CONSUME(t.RBrace);
    this.ACTION(() => {
      this.parens = this.outerParens.pop() ?? 0;
    });
  });
  readonly letStatement = this.RULE("letStatement", () => {
    this.CONSUME(w.let);
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.equals);
    this.SUBRULE(this.expression);
  });
  readonly binding = this.RULE("binding", () => {
    this.CONSUME(t.Identifier);
    this.CONSUME(w.from);
    this.SUBRULE(this.expression);
  });
  /** `u = a` of a `repeat`. */
  readonly carried = this.RULE("carried", () => {
    this.CONSUME(t.Identifier);
    this.SUBRULE(this.equals);
    this.SUBRULE(this.expression);
  });
  readonly repeatStatement = this.RULE("repeatStatement", () => {
    this.CONSUME(w.repeat);
    this.SUBRULE(this.expression, { LABEL: "count" });
    this.CONSUME(w.from);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.carried) });
    this.SUBRULE(this.block);
    this.OPTION(() => {
      this.CONSUME(w.until);
      this.SUBRULE1(this.expression, { LABEL: "until" });
    });
  });
  readonly minimize = this.RULE("minimize", () => {
    this.CONSUME(w.minimize);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.binding) });
    this.CONSUME(w.by);
    this.SUBRULE(this.expression, { LABEL: "by" });
    this.OPTION2(() => this.SUBRULE(this.groups));
    this.CONSUME(w.for);
    this.SUBRULE1(this.expression, { LABEL: "steps" });
    this.OPTION(() => {
      this.CONSUME(t.Comma);
      this.SUBRULE2(this.expression, { LABEL: "stepsAtTest" });
      this.CONSUME(w.at);
      this.CONSUME(w.test);
    });
    this.OPTION3(() => {
      this.CONSUME(w.as);
      this.CONSUME(t.Identifier, { LABEL: "counter" });
    });
    this.OPTION1(() => this.CONSUME(w.first_order));
    this.SUBRULE(this.block);
  });
  readonly groups = this.RULE("groups", () => {
    this.CONSUME(t.LBrace);
    this.MANY(() => {
      this.SUBRULE(this.group);
      this.OPTION(() => this.CONSUME(t.Semicolon));
    });
    this.CONSUME(t.RBrace);
  });
  readonly group = this.RULE("group", () => {
    this.SUBRULE(this.path);
    this.OPTION({ GATE: () => !this.is(t.Colon, 2), DEF: () => this.CONSUME(w.frozen) });
    this.MANY({
      GATE: () => this.is(t.Colon, 2) || this.is(t.Equals, 2),
      DEF: () => {
        this.SUBRULE(this.argument);
        this.OPTION1(() => this.CONSUME(t.Comma));
      },
    });
  });
  readonly path = this.RULE("path", () => {
    this.SUBRULE(this.pathPart);
    this.MANY({
      GATE: () => !this.is(t.NumberToken) || this.LA(1).image.startsWith("."),
      DEF: () => {
        this.OR([
          {
            ALT: () => {
              this.CONSUME(t.Dot);
              this.SUBRULE1(this.pathPart);
            },
          },
          {
            ALT: () => {
              this.CONSUME(t.LBracket);
              this.CONSUME(t.NumberToken);
              this.CONSUME(t.RBracket);
            },
          },
          // `.0` of `encoder.conv.0`.
          { ALT: () => this.CONSUME1(t.NumberToken) },
        ]);
      },
    });
  });
  readonly pathPart = this.RULE("pathPart", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Identifier) },
      { ALT: () => this.CONSUME(t.Star) },
      { ALT: () => this.CONSUME(t.StarStar) },
    ]);
  });
}
