/** The environment in which an expression of FSL is checked. */
import { Environment } from "./environment.js";
import type { Value } from "./values.js";

export type Scope = Environment<Value>;
export const Scope = Environment<Value>;
