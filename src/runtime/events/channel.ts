/** A queue between a producer that never waits and one reader, who iterates over it. It carries the events of a run. */
export class Channel<T> implements AsyncIterable<T> {
  private readonly items: T[] = [];
  private closed = false;
  private wake: () => void = () => {};

  push(item: T): void {
    if (this.closed) throw new Error("pushed to a closed channel");
    this.items.push(item);
    this.wake();
  }

  close(): void {
    this.closed = true;
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      const batch = this.items.splice(0);
      yield* batch;
      if (this.items.length > 0) continue;
      if (this.closed) return;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}
