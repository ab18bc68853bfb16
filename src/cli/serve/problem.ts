/** Errors of the HTTP interface, as `application/problem+json` describes them (RFC 9457). */
import type { DiagnosticError } from "../../compiler/diagnostics/diagnostic.js";

/** Reasons for which a request gets no answer, by their status. */
export const problemTitles = {
  400: "the request cannot be understood",
  401: "the token of the address is missing",
  403: "another page may not use this server",
  404: "there is nothing here",
  405: "this cannot be done here",
  408: "the request took too long",
  409: "the classifier cannot do this now",
  413: "there is too much in the request",
  415: "this kind of content is not read",
  421: "the server has another name",
  500: "the classifier has failed",
} as const;

export type ProblemStatus = keyof typeof problemTitles;

/** A request that is answered with a problem. */
export class Problem extends Error {
  constructor(
    readonly status: ProblemStatus,
    readonly detail: string,
    /** The code of a diagnostic of fslc, if it is one. */
    readonly code?: string,
  ) {
    super(detail);
    this.name = "Problem";
  }
}

/** Returns a diagnostic as a problem. The paths of the machine are not in it: these diagnostics are about images and metrics. */
export function problemOf({ diagnostic: { code, message, help } }: DiagnosticError): Problem {
  const status = code === "FSL7063" || code === "FSL7009" ? 409 : 500;
  return new Problem(status, [message, ...help].join("; "), code);
}

export function problemJson({ status, detail, code }: Problem): string {
  const title = problemTitles[status];
  return JSON.stringify({ type: "about:blank", title, status, detail, ...(code === undefined ? {} : { code }) });
}
