/** Where the page finds a result. */

const MEDIA = "/v1/media/";

/**
 * A link of a result as this page may load it: files that the gateway keeps are asked of the gateway that the page came from, by
 * whatever name the task's creator reached it.
 */
export function mediaAddress(url: string, baseUrl: string): string {
  if (!URL.canParse(url, baseUrl)) return url;
  const { pathname, search } = new URL(url, baseUrl);
  const at = pathname.indexOf(MEDIA);
  return at < 0 ? url : `${baseUrl}${pathname.slice(at)}${search}`;
}

/** A small copy of a picture, where the host makes them. */
export function thumbnailAddress(url: string, baseUrl: string): string {
  const address = mediaAddress(url, baseUrl);
  if (!address.startsWith(`${baseUrl}${MEDIA}`)) return address;
  return `${address}${address.includes("?") ? "&" : "?"}thumbnail=256`;
}
