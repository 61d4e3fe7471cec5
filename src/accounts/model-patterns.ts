/** Names of models as keys allow them: a name, or a beginning with `*` behind it. */

/** Whether a pattern names the model. */
export function matchesModel(pattern: string, model: string): boolean {
  return isOpen(pattern) ? model.startsWith(beginning(pattern)) : pattern === model;
}

/** Whether everything that `narrow` names is named by `wide` too. */
export function coversPattern(wide: string, narrow: string): boolean {
  if (!isOpen(wide)) return wide === narrow;
  return (isOpen(narrow) ? beginning(narrow) : narrow).startsWith(beginning(wide));
}

/** The patterns that name exactly what both lists name; null names every model. */
export function commonPatterns(
  some: readonly string[] | null,
  others: readonly string[] | null,
): readonly string[] | null {
  if (some === null) return others;
  if (others === null) return some;
  const isIn = (patterns: readonly string[]) => (pattern: string) =>
    patterns.some((wide) => coversPattern(wide, pattern));
  return [...new Set([...some.filter(isIn(others)), ...others.filter(isIn(some))])];
}

function isOpen(pattern: string): boolean {
  return pattern.endsWith("*");
}

function beginning(pattern: string): string {
  return pattern.slice(0, -1);
}
