/** Names of axes in a canonical form: the author's own names are replaced. */
import type { Axis, Network } from "../../typed/tree.js";
import type { Canonical } from "./value.js";

/** Axis names that the language gives a meaning to. They stay, as do those of networks. */
const fixedAxes = ["way", "shot", "query", "n", "class", "feature", "channel", "height", "width"];

/** Numbers the author's axes in the order in which they appear. Primes stay, because they tie `i'` to `i`. */
export class AxisNames {
  private constructor(
    private readonly fixed: ReadonlySet<string>,
    private readonly names: Map<string, string>,
  ) {}

  /** Starts with no axis of the author's. The axes of `networks` and those in `more` keep their names. */
  static of(networks: readonly Network[], more: readonly string[] = []): AxisNames {
    const known = networks.flatMap((n) => [...n.input, ...Object.values(n.outputs).flat()].map((axis) => axis.name));
    return new AxisNames(new Set([...fixedAxes, ...more, ...known]), new Map());
  }

  /** Copies the names so far, for a body that adds its own. */
  inner(): AxisNames {
    return new AxisNames(this.fixed, new Map(this.names));
  }

  rename(name: string): string {
    const base = name.replace(/'+$/, "");
    if (this.fixed.has(base)) return name;
    const known = this.names.get(base) ?? `axis ${this.names.size}`;
    this.names.set(base, known);
    return known + name.slice(base.length);
  }

  axes(axes: readonly Axis[]): Canonical {
    return axes.map(({ name, size }) => ({ name: this.rename(name), size }));
  }
}
