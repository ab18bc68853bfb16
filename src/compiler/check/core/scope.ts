/** Names and what they stand for. Module scopes are lazy: a declaration is evaluated when something asks for it. */
import type { Span } from "../../../../grammar/ast.js";
import type { Checker } from "./checker.js";
import type { Frame } from "./frame.js";
import { anything, type Value } from "./values.js";

type Entry = { readonly value: Value } | { readonly make: () => Value };

export class Scope {
  private readonly entries = new Map<string, Entry>();
  private readonly making = new Set<string>();

  constructor(
    /** The compilation at work: diagnostics, modules, facts. */
    readonly checker: Checker,
    readonly parent: Scope | undefined,
    /** Where tensor expressions are being built; undefined where only static values make sense. */
    readonly frame: Frame | undefined = parent?.frame,
  ) {}

  child(frame: Frame | undefined = this.frame): Scope {
    return new Scope(this.checker, this, frame);
  }

  define(name: string, value: Value): void {
    this.entries.set(name, { value });
  }

  /** Defined when first looked up. `cycle` is called, and anything given, when making it needs itself. */
  defineLazily(name: string, span: Span, make: () => Value, cycle: () => void): void {
    this.entries.set(name, {
      make: () => {
        if (this.making.has(name)) {
          cycle();
          return anything(span);
        }
        this.making.add(name);
        try {
          const value = make();
          this.entries.set(name, { value });
          return value;
        } finally {
          this.making.delete(name);
        }
      },
    });
  }

  lookup(name: string): Value | undefined {
    const entry = this.entries.get(name);
    if (entry === undefined) return this.parent?.lookup(name);
    return "value" in entry ? entry.value : entry.make();
  }

  hasOwn(name: string): boolean {
    return this.entries.has(name);
  }

  /** Every name visible here, nearest first: candidates for "did you mean". */
  names(): string[] {
    return [...this.entries.keys(), ...(this.parent?.names() ?? [])];
  }
}
