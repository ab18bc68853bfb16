/** The ways to divide the classes of a published data set: by published lists, or by a hash of names where nobody has agreed on one. */
import type { DataSource, SourceSplit } from "../../../../compiler/typed/tree.js";
import { publishedClasses } from "../class-lists.js";
import { splitByName } from "../folder.js";
import { type ArgDescription, badArg, splitNames, textArg } from "../source.js";

/** A class of a set, in the order of its lists. `group` is a family of classes that may have to stay together. */
export interface SetClass {
  readonly name: string;
  readonly group?: string;
}
/** A way to divide the classes: the split of the class with this place in the order of the set. Undefined leaves a class out. */
export interface Division {
  readonly meaning: string;
  split(one: SetClass, place: number): SourceSplit | undefined;
  /** The names of all classes that a published list divides. */
  readonly names?: () => readonly string[];
}

/** The ways to divide a set, by name. The first one is the default. */
export type Divisions = Readonly<Record<string, Division>>;

/** Returns the division by a list of class names that fslc includes in `specs/splits/`. */
export function byList(list: string, meaning: string): Division {
  let splits: ReadonlyMap<string, SourceSplit> | undefined;
  const read = (): ReadonlyMap<string, SourceSplit> => {
    splits ??= new Map(
      splitNames.flatMap((split) => publishedClasses(list)[split].map((name) => [name, split] as const)),
    );
    return splits;
  };
  return { meaning, split: ({ name }) => read().get(name), names: () => [...read().keys()] };
}

/** The division for sets on which nobody has agreed: a hash of the name puts 64 % of the classes into the training split, and 16 and 20 % into the others. */
export const byHash: Division = {
  meaning: "a hash of the names (64/16/20 %)",
  split: ({ name }) => splitByName(name, 0.16, 0.2),
};

/** Divides groups of classes by a hash, as `byHash` divides classes: all classes of a group are in one split. */
export const byGroup = (meaning: string): Division => ({
  meaning,
  split: ({ name, group }) => splitByName(group ?? name, 0.16, 0.2),
});

/** Returns the argument of a source that chooses a division. */
export function splitArgument(divisions: Divisions): ArgDescription {
  const choices = Object.keys(divisions);
  const meanings = Object.entries(divisions).map(([name, { meaning }]) => `\`${name}\`: ${meaning}`);
  return { name: "split", type: "choice", choices, default: choices[0], meaning: meanings.join("; ") };
}

/** Returns the division that a source asks for. @throws DiagnosticError FSL6005 if there is none with this name. */
export function divisionOf(source: DataSource, divisions: Divisions): Division {
  const [standard] = Object.keys(divisions);
  const name = textArg(source, "split", standard);
  const found = Object.hasOwn(divisions, name) ? divisions[name] : undefined;
  if (found !== undefined) return found;
  throw badArg(source, "split", name, `one of ${Object.keys(divisions).join(", ")} is needed`);
}
