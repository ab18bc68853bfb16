/** The forms of parameters that describe classes, and the descriptions and axes that they stand for. */
import type { Axis, Description } from "./tree.js";

/** The form of parameters that tell of each class of an episode whether training has seen it. Every dataset has it. */
export const seenForm = "seen";

/** The form of parameters that take the one description of a dataset, whatever its name is. */
export const onlyForm = "description";

/** Returns the description that a form names. */
export function findDescription(form: string, descriptions: readonly Description[]): Description | undefined {
  const [first, ...more] = descriptions;
  return form === onlyForm && more.length === 0 ? first : descriptions.find(({ name }) => name === form);
}

/** Returns the sizes of the axes that descriptions have: each by its name, and the only one also as `description`. */
export function describedAxes(descriptions: readonly Description[]): readonly Axis[] {
  const [first, ...more] = descriptions;
  const only = first !== undefined && more.length === 0 ? [{ name: onlyForm, size: first.size }] : [];
  return [...descriptions, ...only].map(({ name, size }) => ({ name, size }));
}
