/** The HTTP server of `fslc serve`. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { DiagnosticError } from "../../compiler/diagnostics/diagnostic.js";
import type { ServedFile } from "./files.js";
import { Guard, securityHeaders } from "./guard.js";
import { openApi } from "./openapi.js";
import { Problem, problemJson, problemOf } from "./problem.js";
import { findRoute, type Route } from "./routes.js";
import type { Session } from "./session.js";
import { Turns } from "./turns.js";
import { limits } from "./uploads.js";

export interface ServerOptions {
  readonly session: Session;
  readonly host: string;
  readonly port: number;
  /** The files of the page, by path. */
  readonly files: ReadonlyMap<string, ServedFile>;
  /** Makes a picture of the bytes [channels, height, width] of an image. */
  readonly picture: (pixels: Uint8Array) => Promise<Uint8Array>;
  /** Learns of errors that nobody expected. */
  readonly onBug: (error: unknown) => void;
}

export interface RunningServer {
  /** The address with the token. */
  readonly address: string;
  close(): Promise<void>;
}

/** The time in ms that a request has for its head and for all of it, and for which an idle connection stays open. */
const times = { head: 10_000, request: 60_000, idle: 5_000 } as const;
const mostConnections = 256;
/** The time in ms for which the rest of a refused request is read, so that its sender sees the answer. */
const lingerMs = 500;

/** Starts to listen. @throws an error of the system if the address cannot be used */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const guard = new Guard(options.host);
  const handler = new Handler(options, guard);
  const server = createServer((request, response) => void handler.handle(request, response));
  server.headersTimeout = times.head;
  server.requestTimeout = times.request;
  server.keepAliveTimeout = times.idle;
  server.maxConnections = mostConnections;
  await listen(server, options);
  guard.listens((server.address() as AddressInfo).port);
  return {
    address: guard.address,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, { host, port }: ServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

class Handler {
  private readonly uploads = new Turns(limits.atOnce);
  private readonly changes = new Turns(1);

  constructor(
    private readonly options: ServerOptions,
    private readonly guard: Guard,
  ) {}

  /** Answers a request. It never throws. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    try {
      await this.answer(request, response);
    } catch (error) {
      this.refuse(request, response, this.problemFor(error));
    }
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { guard } = this;
    guard.checkOrigin(request);
    const { method = "GET", url = "/" } = request;
    const { pathname, searchParams } = pathOf(url);
    if (pathname === "/" && guard.isToken(searchParams.get("token"))) {
      // The token leaves the address, so that it is in no history and no picture of the screen.
      response.writeHead(303, { Location: "/", "Set-Cookie": guard.cookie }).end();
      return;
    }
    guard.checkToken(request);
    const file = this.options.files.get(pathname);
    if (file !== undefined && method === "GET") return send(response, file.type, file.content);
    if (pathname === "/openapi.json" && method === "GET") return sendJson(response, openApi());
    const { route, named } = findRoute(method, pathname);
    const turns = route.body === "images" ? this.uploads : this.changes;
    const value = await turns.take(() => route.handle(this.options.session, { request, named }));
    await this.sendAnswer(response, route, value);
  }

  private async sendAnswer(response: ServerResponse, { answers }: Route, value: unknown): Promise<void> {
    if (answers !== "picture") return sendJson(response, value);
    // The id of an image is a digest of its content, so it never shows another one.
    response.setHeader("Cache-Control", "private, max-age=3600");
    send(response, "image/png", await this.options.picture(value as Uint8Array));
  }

  private problemFor(error: unknown): Problem {
    if (error instanceof Problem) return error;
    if (error instanceof DiagnosticError) return problemOf(error);
    this.options.onBug(error);
    return new Problem(500, "the terminal of `fslc serve` says more");
  }

  private refuse(request: IncomingMessage, response: ServerResponse, problem: Problem): void {
    if (response.headersSent || response.destroyed) return void response.destroy();
    if (!request.complete) {
      // The rest of the body is not wanted. It is read for a moment, because a sender that cannot write never reads the answer.
      response.setHeader("Connection", "close");
      request.resume();
      setTimeout(() => request.destroy(), lingerMs).unref();
    }
    send(response, "application/problem+json", problemJson(problem), problem.status);
  }
}

/** Returns the path and the questions of a target. @throws Problem 400 */
function pathOf(target: string): URL {
  try {
    return new URL(target, "http://localhost");
  } catch {
    throw new Problem(400, "the path cannot be read");
  }
}

function sendJson(response: ServerResponse, value: unknown): void {
  send(response, "application/json", JSON.stringify(value));
}

function send(response: ServerResponse, type: string, content: string | Uint8Array, status = 200): void {
  const charset = type.startsWith("text/") ? "; charset=utf-8" : "";
  response.writeHead(status, { "Content-Type": `${type}${charset}`, "Content-Length": Buffer.byteLength(content) });
  response.end(content);
}
