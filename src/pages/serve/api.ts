/** Asks the server. Every change answers with all that the page shows. */
import type { View } from "../../cli/serve/view.js";

/** An answer that says why the server did not do what it was asked for. */
export class Refusal extends Error {}

export async function ask(method: string, path: string, body?: FormData | object): Promise<View> {
  const isForm = body instanceof FormData;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
      ...(body === undefined || isForm ? {} : { headers: { "Content-Type": "application/json" } }),
    });
  } catch {
    throw new Refusal("the server does not answer: is `fslc serve` still running?");
  }
  if (response.ok) return (await response.json()) as View;
  const problem = (await response.json().catch(() => ({}))) as { readonly detail?: string };
  throw new Refusal(problem.detail ?? `the server answered ${response.status}`);
}

/** Returns a form with files for an upload. */
export function formOf(files: Iterable<File>): FormData {
  const form = new FormData();
  for (const file of files) form.append("images", file, file.name);
  return form;
}

export function pathOf(...parts: readonly string[]): string {
  return `/api/${parts.map(encodeURIComponent).join("/")}`;
}
