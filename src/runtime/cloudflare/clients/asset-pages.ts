/** The web pages that were uploaded with the Worker. */

import type { PageFile, PageFiles } from "../../../http/pages/page-files.ts";
import type { AssetFiles } from "../bindings.ts";

/** Any host will do: only the path counts. */
const BASE = "https://assets.invalid/";

export class AssetPages implements PageFiles {
  readonly #assets: AssetFiles;

  constructor(assets: AssetFiles) {
    this.#assets = assets;
  }

  async read(path: string): Promise<PageFile | null> {
    const response = await this.#assets.fetch(new Request(new URL(path, BASE)));
    if (response.ok && response.body !== null) return { body: response.body, gzip: null };
    await response.body?.cancel();
    return null;
  }
}
