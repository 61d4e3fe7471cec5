/** The built-in provider, whose painter is loaded by the first job: its thirty files are none of a start's business. */

import type { MediaProvider } from "../../tasks/ports/media-provider.ts";
import type { LocalProviderOptions } from "./provider.ts";

/** Does what `createLocalProvider` does. A painter that cannot be loaded fails the step, and the next step tries again. */
export function createLazyLocalProvider(options: LocalProviderOptions): MediaProvider {
  let loading: Promise<MediaProvider> | null = null;
  let loaded: MediaProvider | null = null;
  const load = async (): Promise<MediaProvider> => {
    try {
      const { createLocalProvider } = await import("./provider.ts");
      loaded = createLocalProvider(options);
      return loaded;
    } catch (error) {
      loading = null;
      throw error;
    }
  };
  const withPainter = <T>(use: (painter: MediaProvider) => Promise<T>): Promise<T> => {
    if (loaded !== null) return use(loaded);
    loading ??= load();
    return loading.then(use);
  };
  return {
    name: "local",
    // Made again it is the same, and costs nobody anything.
    resubmitSafe: () => true,
    submit: (job, io) => withPainter((painter) => painter.submit(job, io)),
    poll: (job, state, io) => withPainter((painter) => painter.poll(job, state, io)),
    cancel: (job, state, signal) => withPainter((painter) => painter.cancel(job, state, signal)),
  };
}
