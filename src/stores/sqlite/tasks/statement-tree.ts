/**
 * Statements by the columns they write and their order, each text made once: a transition writes only the columns that
 * changed. A kind of transition names its columns in one order, so there are few.
 */

export type StatementNode = {
  /** By the next column's index. */
  readonly next: (StatementNode | undefined)[];
  readonly columns: readonly number[];
  text: string | null;
};

export class StatementTree {
  readonly root: StatementNode = { next: [], columns: [], text: null };
  readonly #textOf: (columns: readonly number[]) => string;

  constructor(textOf: (columns: readonly number[]) => string) {
    this.#textOf = textOf;
  }

  /** The node of `node`'s columns and `column` besides. */
  with(node: StatementNode, column: number): StatementNode {
    let child = node.next[column];
    if (child === undefined) {
      child = { next: [], columns: [...node.columns, column], text: null };
      node.next[column] = child;
    }
    return child;
  }

  textAt(node: StatementNode): string {
    node.text ??= this.#textOf(node.columns);
    return node.text;
  }
}
