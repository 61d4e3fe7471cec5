import { describe, expect, test } from "vitest";
import { ListenError, listen } from "../../../../src/runtime/process/listen.ts";
import type { Listener } from "../../../../src/runtime/process/process-host.ts";

function listenerThatFails(error: unknown): Listener {
  return {
    listen() {
      throw error;
    },
  } as unknown as Listener;
}

function messageOf(error: unknown): string {
  try {
    listen(
      listenerThatFails(error),
      { host: "nowhere.invalid", port: 8787, idleTimeoutSeconds: 75 },
      async () => new Response("never answered"),
    );
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ListenError);
    return (thrown as ListenError).message;
  }
  throw new Error("listening succeeded");
}

describe("an address that cannot be listened on", () => {
  test.each(["ENOTFOUND", "EAI_AGAIN", "ENOENT", "EADDRNOTAVAIL", "EINVAL"])(
    "names HOST where the runtime reports %s",
    (code) => {
      const message = messageOf(Object.assign(new Error(`${code}: listen`), { code }));
      expect(message).toContain("HOST must be an address of this machine");
      expect(message).toContain('"nowhere.invalid"');
      expect(message).toContain(code);
    },
  );

  test("names HOST where the failure has no code", () => {
    expect(messageOf(new TypeError("failed to look up address information"))).toContain("HOST must be");
  });

  test("names PORT where the port is taken or not allowed", () => {
    expect(messageOf(Object.assign(new Error("listen"), { code: "EADDRINUSE" }))).toContain("PORT");
    expect(messageOf(Object.assign(new Error("listen"), { code: "EACCES" }))).toContain("PORT");
  });
});
