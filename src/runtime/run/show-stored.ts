/** Finds what the store has under one key: `fslc store show`. */
import { didYouMean } from "../../common/did-you-mean.js";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { Manifest } from "../store/manifest.js";
import { allEntries, readEntry } from "../store/store.js";
import { type Project, projectPaths } from "../system/project.js";
import { type Item, takeInventory } from "./inventory.js";
import type { RunUses } from "./run-uses.js";

export interface ShownItem extends Item {
  /** The manifest of a stage. Undefined if it is damaged, and for other things. */
  readonly manifest?: Manifest;
}

export interface ShownKey {
  readonly key: string;
  readonly items: readonly ShownItem[];
  /** The stored stages that were computed from this one. */
  readonly neededBy: readonly { readonly stage: string; readonly key: string }[];
}

/** Finds everything with a key, by the beginning of the key. @throws DiagnosticError FSL7056 if nothing matches, or more than one key. */
export async function showStored(project: Project, runs: readonly RunUses[], asked: string): Promise<ShownKey> {
  const items = await takeInventory(project, runs);
  const keys = [...new Set(items.flatMap(({ key }) => key ?? []))];
  const near = keys.filter((key) => key.startsWith(asked));
  const [key] = near;
  if (key === undefined || near.length > 1) throw unknownKey(asked, near, keys);
  const entries = allEntries(projectPaths.store(project));
  const needing = entries.filter(({ manifest }) => manifest.inputs.some((input) => input.key === key));
  const neededBy = needing.map(({ manifest }) => ({ stage: manifest.stage.id, key: manifest.key }));
  return { key, items: items.filter((item) => item.key === key).map(withManifest), neededBy };
}

function withManifest(item: Item): ShownItem {
  const read = item.kind === "stage" ? readEntry(item.path) : undefined;
  return read !== undefined && "entry" in read ? { ...item, manifest: read.entry.manifest } : item;
}

function unknownKey(asked: string, near: readonly string[], keys: readonly string[]): DiagnosticError {
  const likely = didYouMean(asked, keys);
  const named = near.length > 0 ? near : likely === undefined ? keys : [likely];
  const few = named.slice(0, 5).map((key) => key.slice(0, 16));
  const help =
    few.length === 0 ? ["nothing is stored yet"] : [`there are ${few.join(", ")}${named.length > 5 ? ", …" : ""}`];
  const why = near.length > 1 ? `${near.length} keys begin so` : "no key begins so";
  return new DiagnosticError(diagnostic("FSL7056", undefined, { key: asked, why }, { help }));
}
