/** The admin key: one secret, compared in a time that does not depend on how much of a guess was right. */

/** A check for presented admin keys; without a configured key nothing passes. */
export function createAdminCheck(adminKey: string | null): (presented: string) => boolean {
  return (presented) => adminKey !== null && adminKey !== "" && sameText(adminKey, presented);
}

/** Takes a time that depends on the presented text's length only. */
function sameText(secret: string, presented: string): boolean {
  let difference = secret.length ^ presented.length;
  for (let index = 0; index < presented.length; index += 1) {
    difference |= secret.charCodeAt(index % secret.length) ^ presented.charCodeAt(index);
  }
  return difference === 0;
}
