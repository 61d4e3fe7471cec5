/** Ids of connections: a public connection id, and a secret token that only its client knows. */

/** Of a connection's id and of its secret token. */
const ID_BYTES = 16;

/** Unguessable, and URL-safe as it is: clients put it into URLs unescaped. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
