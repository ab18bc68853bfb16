/** Paths of layers within a network, which the names of their weights begin with. */
import type * as ast from "../../../../grammar/ast.js";
import type { Scope } from "../core/scope.js";

/**
 * The paths that are taken in one block. A labeled layer has its label as path. Other layers are numbered by kind:
 * `conv.0`, `conv.1`.
 */
export class LayerPaths {
  private readonly counts: Map<string, number>;
  private readonly labels: Set<string>;
  private readonly numbersLabels: boolean;

  /** `outer` is given for an unlabeled `repeat`: its layers are numbered on in the block around it, labeled ones too. */
  constructor(
    readonly prefix: string,
    outer?: LayerPaths,
  ) {
    this.counts = outer?.counts ?? new Map();
    this.labels = outer?.labels ?? new Set();
    this.numbersLabels = outer !== undefined;
  }

  /** Returns the same paths for the layers of an unlabeled `repeat`, where a label stands for several layers. */
  repeated(): LayerPaths {
    return new LayerPaths(this.prefix, this);
  }

  /** Returns the next path of an unlabeled layer of this kind. */
  numbered(kind: string): string {
    const n = this.counts.get(kind) ?? 0;
    this.counts.set(kind, n + 1);
    return `${this.prefix}${kind}.${n}`;
  }

  /** Returns the path of a layer, or undefined after it has reported a label that is taken. */
  of(label: ast.Name | undefined, kind: string, { checker }: Scope): string | undefined {
    if (label === undefined) return this.numbered(kind);
    if (this.numbersLabels) return this.numbered(label.text);
    if (this.labels.has(label.text)) {
      checker.report("FSL4006", label.span, { name: label.text, what: "a layer" });
      return undefined;
    }
    this.labels.add(label.text);
    return `${this.prefix}${label.text}`;
  }
}
