/**
 * Names and what they stand for. Environments of modules are lazy: a declaration is evaluated when something asks for it.
 * The type of the values is a parameter, since values such as functions hold the environment that they were declared in.
 */
import type { Checker } from "./checker.js";
import type { Frame } from "./frame.js";

type Entry<V> = { readonly value: V } | { readonly make: () => V };

export class Environment<V> {
  private readonly entries = new Map<string, Entry<V>>();
  private readonly making = new Set<string>();

  constructor(
    readonly checker: Checker,
    readonly parent: Environment<V> | undefined,
    /** The place where tensor expressions are built, or undefined where only static values make sense. */
    readonly frame: Frame | undefined = parent?.frame,
  ) {}

  child(frame: Frame | undefined = this.frame): Environment<V> {
    return new Environment(this.checker, this, frame);
  }

  define(name: string, value: V): void {
    this.entries.set(name, { value });
  }

  /** Defines a name whose value is made at the first lookup. `cycle` gives the value if making it needs the value itself. */
  defineLazily(name: string, make: () => V, cycle: () => V): void {
    this.entries.set(name, {
      make: () => {
        if (this.making.has(name)) return cycle();
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

  lookup(name: string): V | undefined {
    const entry = this.entries.get(name);
    if (entry === undefined) return this.parent?.lookup(name);
    return "value" in entry ? entry.value : entry.make();
  }

  hasOwn(name: string): boolean {
    return this.entries.has(name);
  }

  /** Returns every name that is visible here, nearest first, as candidates for "did you mean". */
  names(): string[] {
    return [...this.entries.keys(), ...(this.parent?.names() ?? [])];
  }
}
