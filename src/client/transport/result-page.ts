/** A page of a list that knows how to go on. */

/** What lists answer. */
export type PageAnswer<T> = { data: readonly T[]; hasMore: boolean; after: string | null };

/**
 * One page. Iterating goes through everything from here on and asks for further pages as they are needed:
 * `for await (const task of await conduit.tasks.list()) …`
 */
export class ResultPage<T> implements AsyncIterable<T> {
  readonly data: readonly T[];
  readonly hasMore: boolean;
  /** Asks for the next page. */
  readonly after: string | null;
  readonly #ask: (after: string | undefined) => Promise<PageAnswer<T>>;

  constructor(answer: PageAnswer<T>, ask: (after: string | undefined) => Promise<PageAnswer<T>>) {
    this.data = answer.data;
    this.hasMore = answer.hasMore;
    this.after = answer.after;
    this.#ask = ask;
  }

  static async first<T>(
    ask: (after: string | undefined) => Promise<PageAnswer<T>>,
    after?: string | undefined,
  ): Promise<ResultPage<T>> {
    return new ResultPage(await ask(after), ask);
  }

  /** The page behind this one; null when this is the last. */
  async next(): Promise<ResultPage<T> | null> {
    if (!this.hasMore || this.after === null) return null;
    return new ResultPage(await this.#ask(this.after), this.#ask);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (let page: ResultPage<T> | null = this; page !== null; page = await page.next()) yield* page.data;
  }
}
