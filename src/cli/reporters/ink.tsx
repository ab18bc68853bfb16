/**
 * `--reporter ink`: a live screen on stderr. Events only update the state; one timer draws it, ten times a second at
 * most and only when something changed, so a fast run costs no more to watch than a slow one.
 */
import chalk from "chalk";
import { render, Text } from "ink";
import { colorLevel } from "../terminal.js";
import { App } from "../view/App.js";
import { layout } from "../view/layout.js";
import { initialState, interrupted, reduce } from "../view/model.js";
import type { Reporter, Streams } from "./reporter.js";

const frameMs = 100;
/** Clocks and estimates move on without events once a second. */
const idleMs = 1000;

/**
 * The stream as Ink sees it. It hears of no resize and believes in endless rows: on a screen that has become too low
 * Ink would clear the scrollback too, which is the user's. Resizes are handled below instead.
 */
function withoutResize(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  const facade: NodeJS.WriteStream = Object.create(stream, {
    rows: { value: Number.MAX_SAFE_INTEGER },
    write: { value: stream.write.bind(stream) },
    on: { value: (): NodeJS.WriteStream => facade },
    off: { value: (): NodeJS.WriteStream => facade },
  });
  return facade;
}

export function inkReporter(streams: Streams, onInterrupt: () => void): Reporter {
  const { stderr, stdin } = streams;
  // Ink colours through chalk, which looks at stdout; the screen is on stderr.
  chalk.level = colorLevel(stderr, process.env);

  let state = initialState;
  let changed = true;
  let resized = false;
  let drawn = 0;

  const element = (): React.JSX.Element => {
    drawn = Date.now();
    changed = false;
    return <App screen={layout(state, stderr.columns ?? 80, stderr.rows ?? 24, drawn)} onInterrupt={onInterrupt} />;
  };
  const app = render(element(), {
    stdout: withoutResize(stderr),
    stdin,
    stderr,
    exitOnCtrlC: false,
    maxFps: 1000 / frameMs,
    patchConsole: true,
  });
  const draw = (): void => app.rerender(element());
  const timer = setInterval(() => {
    if (resized) {
      // A terminal reflows what is on it, so nobody knows where the old frame went: wipe the visible part, start at its top.
      resized = false;
      changed = true;
      stderr.write("\x1b[2J\x1b[H");
      app.rerender(<Text> </Text>);
    } else if (changed || Date.now() - drawn >= idleMs) draw();
  }, frameMs);
  const onResize = (): void => {
    resized = true;
  };
  stderr.on("resize", onResize);

  return {
    event(event) {
      state = reduce(state, event);
      changed = true;
    },
    interrupted() {
      state = interrupted(state);
      changed = true;
    },
    async close() {
      clearInterval(timer);
      stderr.off("resize", onResize);
      draw();
      app.unmount();
      await app.waitUntilExit();
    },
  };
}
