/** The rules of networks: layers and the structures made of them. */
import * as t from "../tokens.js";
import { ExpressionParser } from "./expressions.js";

const w = t.words;

export abstract class LayerParser extends ExpressionParser {
  readonly layers = this.RULE("layers", () => {
    this.CONSUME(t.LBrace);
    this.MANY({
      GATE: () => !this.is(t.RBrace),
      DEF: () => {
        this.OR({
          IGNORE_AMBIGUITIES: true,
          DEF: [{ ALT: () => this.SUBRULE(this.layer) }, { ALT: () => this.SUBRULE(this.strayLine) }],
        });
        this.OPTION(() => this.CONSUME(t.Comma));
      },
    });
    this.CONSUME(t.RBrace);
  });
  readonly layer = this.RULE("layer", () => {
    this.OPTION({
      GATE: () => this.is(t.Colon, 2),
      DEF: () => {
        this.CONSUME(t.Identifier, { LABEL: "label" });
        this.CONSUME(t.Colon);
      },
    });
    this.OR({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        { GATE: () => this.startsOperand(2), ALT: () => this.SUBRULE(this.repeatLayer) },
        { GATE: () => this.is(t.LBrace, 2), ALT: () => this.SUBRULE(this.residual) },
        { GATE: () => this.is(t.LBrace, 2), ALT: () => this.SUBRULE(this.parallel) },
        { GATE: () => this.startsOperand(2), ALT: () => this.SUBRULE(this.ifLayer) },
        { ALT: () => this.SUBRULE(this.callLayer) },
      ],
    });
    this.OPTION1(() => {
      this.CONSUME(w.as);
      this.CONSUME1(t.Identifier, { LABEL: "output" });
    });
  });
  readonly callLayer = this.RULE("callLayer", () => {
    this.CONSUME(t.Identifier);
    this.OPTION(() => this.SUBRULE(this.args));
  });
  readonly repeatLayer = this.RULE("repeatLayer", () => {
    this.CONSUME(w.repeat);
    this.SUBRULE(this.expression);
    this.OPTION(() => {
      this.CONSUME(w.as);
      this.CONSUME(t.Identifier, { LABEL: "index" });
    });
    this.SUBRULE(this.layers);
  });
  readonly residual = this.RULE("residual", () => {
    this.CONSUME(w.residual);
    this.SUBRULE(this.layers, { LABEL: "body" });
    this.OPTION(() => {
      this.CONSUME(w.shortcut);
      this.SUBRULE1(this.layers, { LABEL: "shortcut" });
    });
  });
  readonly parallel = this.RULE("parallel", () => {
    this.CONSUME(w.parallel);
    this.AT_LEAST_ONE(() => this.SUBRULE(this.layers));
    this.CONSUME(w.along);
    this.CONSUME(t.Identifier, { LABEL: "axis" });
  });
  readonly ifLayer = this.RULE("ifLayer", () => {
    this.CONSUME(w.if);
    this.SUBRULE(this.expression);
    this.SUBRULE(this.layers, { LABEL: "then" });
    this.OPTION(() => {
      this.CONSUME(w.else);
      this.SUBRULE1(this.layers, { LABEL: "otherwise" });
    });
  });
}
