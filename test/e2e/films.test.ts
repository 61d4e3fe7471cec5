/** Films of the started program under Bun. */

import { filmContract } from "../contract/films.ts";
import { BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

filmContract({
  name: "the program under Bun",
  async open() {
    const folder = await temporaryFolder();
    const server = await ServerProcess.start({ dataDir: folder.path });
    return {
      url: server.url,
      key: BOOTSTRAP_KEY,
      async close() {
        await server.kill();
        await folder.remove();
      },
    };
  },
});
