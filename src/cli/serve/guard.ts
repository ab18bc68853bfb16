/** Decides which requests may reach the classifier: those with the token, under a name of this server, from its own page. */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { Problem } from "./problem.js";

/** The headers of every answer. A page of another origin can neither show nor read anything of this server. */
export const securityHeaders: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
  "Cache-Control": "no-store",
};

/** The names of this machine for itself. */
const loopback = ["127.0.0.1", "localhost", "[::1]"];
const everywhere = ["0.0.0.0", "::"];

export function isLoopback(host: string): boolean {
  return loopback.includes(host) || host === "::1" || host.startsWith("127.");
}

export class Guard {
  /** The secret of this start. It is in the address that the command prints, and afterwards in a cookie. */
  readonly token = randomBytes(24).toString("base64url");
  private port = 0;

  constructor(private readonly host: string) {}

  /** Tells the port, which is known when the server listens. */
  listens(port: number): void {
    this.port = port;
  }

  /** The address to open, with the token. */
  get address(): string {
    const shown = everywhere.includes(this.host) ? hostname() : this.host;
    const name = isIP(shown) === 6 ? `[${shown}]` : shown;
    return `http://${name}:${this.port}/?token=${this.token}`;
  }

  /** The cookie that carries the token. Cookies do not know ports, so two servers need two names. */
  get cookie(): string {
    return `${this.cookieName}=${this.token}; Path=/; HttpOnly; SameSite=Strict`;
  }

  isToken(given: string | null | undefined): boolean {
    const asked = Buffer.from(given ?? "");
    const own = Buffer.from(this.token);
    return asked.length === own.length && timingSafeEqual(asked, own);
  }

  /** Checks the name of the server and the origin of a request. @throws Problem 421 or 403 */
  checkOrigin({ headers }: IncomingMessage): void {
    const { host = "", origin } = headers;
    // A name that an attacker lets point to this machine would give his page the rights of this server's own page.
    if (!this.isOwnName(host)) throw new Problem(421, "open the address that `fslc serve` printed");
    const site = headers["sec-fetch-site"];
    const isForeign = origin !== undefined && origin !== `http://${host}`;
    if (isForeign || site === "cross-site" || site === "same-site")
      throw new Problem(403, "only the page of this server may use it");
  }

  /** Checks that a request carries the token, as a cookie or as `Authorization: Bearer`. @throws Problem 401 */
  checkToken({ headers }: IncomingMessage): void {
    const bearer = /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1];
    const cookies = (headers.cookie ?? "").split(/; */).map((one) => one.split("="));
    const cookie = cookies.find(([name]) => name === this.cookieName)?.[1];
    if (!this.isToken(bearer) && !this.isToken(cookie))
      throw new Problem(
        401,
        "open the address that `fslc serve` printed, or send its token as `Authorization: Bearer`",
      );
  }

  private get cookieName(): string {
    return `fslc-${this.port}`;
  }

  private isOwnName(given: string): boolean {
    const suffix = `:${this.port}`;
    if (!given.endsWith(suffix)) return false;
    const name = given.slice(0, -suffix.length).toLowerCase();
    if (loopback.includes(name) || name === this.host.toLowerCase() || name === `[${this.host}]`) return true;
    // A server that is open to others is called by its addresses and by the name of the machine. No foreign name is a number.
    return (
      everywhere.includes(this.host) && (isIP(name.replace(/^\[|\]$/g, "")) !== 0 || name === hostname().toLowerCase())
    );
  }
}
