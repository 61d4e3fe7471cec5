/** The Django project of examples/django under uvicorn: browsers' sockets of two users, and of nobody. */

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  EXAMPLES,
  ExampleWorld,
  expectPictureAt,
  expectRising,
  type Installed,
  installPython,
  pressPaint,
} from "../../fixture/examples.ts";
import type { StartedProgram } from "../../fixture/started-program.ts";
import { chromiumIsMissing } from "../../fixture/voice/chromium.ts";

const INSTALL_MS = 300_000;
const TEST_MS = 60_000;
const PASSWORD = "correct horse battery";

type Message = { type: string; task_id?: string; progress?: number; error?: string; image_url?: string };

/** A page's socket: it sends the session's cookie and its origin, as browsers do. */
class PageSocket {
  readonly messages: Message[] = [];
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  #wake = () => {};

  constructor(site: string, cookie: string, origin = site) {
    const headers = { cookie, origin };
    const url = `${site.replace("http", "ws")}/ws/conduit/`;
    this.#socket = new WebSocket(url, { headers } as unknown as string[]);
    this.#socket.onmessage = ({ data }) => {
      this.messages.push(JSON.parse(String(data)));
      this.#wake();
    };
    this.closed = new Promise((resolve) => {
      this.#socket.onclose = ({ code }) => {
        resolve(code);
        this.#wake();
      };
    });
  }

  send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  close(): void {
    this.#socket.close();
  }

  /** Takes the next message, or the next one of a type and those before it. */
  async next(type?: string): Promise<Message> {
    for (;;) {
      const at = this.messages.findIndex((message) => type === undefined || message.type === type);
      const found = this.messages[at];
      if (found !== undefined) {
        this.messages.splice(0, at + 1);
        return found;
      }
      if (this.#socket.readyState === WebSocket.CLOSED)
        throw new Error(`No ${type ?? "message"} came: ${JSON.stringify(this.messages)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

describe("the Django bridge", { timeout: TEST_MS }, () => {
  let world: ExampleWorld;
  let python: Installed<{ bin: string }>;
  let site: StartedProgram | null = null;
  let address = "";
  const sessions = new Map<string, string>();

  beforeAll(async () => {
    world = await ExampleWorld.open();
    python = await installPython(world.folder, "django");
    if ("missing" in python) return;
    const env = {
      PYTHONPATH: join(EXAMPLES, "python"),
      DJANGO_DATABASE: join(world.folder, "studio.sqlite3"),
      STUDIO_PASSWORD: PASSWORD,
    };
    const manage = [join(python.bin, "python"), join(EXAMPLES, "django/manage.py")];
    await world.run([...manage, "migrate", "--verbosity", "0"], env);
    await world.run([...manage, "makemigrations", "--check"], env);
    for (const name of ["ann", "ben"]) await world.run([...manage, "give_key", name], env);
    const serve = ["studio.asgi:application", "--app-dir", join(EXAMPLES, "django"), "--port", "0"];
    // It says where it listens on standard error.
    const together = ["sh", "-c", 'exec "$0" "$@" 2>&1', join(python.bin, "uvicorn"), ...serve];
    const { program } = await world.start(together, env);
    site = program;
    const line = await program.untilLine((one) => one.includes("Uvicorn running on"), "address");
    address = (/http:\S+/.exec(line)?.[0] ?? "").replace("127.0.0.1", "localhost");
    for (const name of ["ann", "ben"]) sessions.set(name, await signIn(name));
  }, INSTALL_MS);
  afterAll(async () => {
    site?.kill();
    await world.close();
  });

  const cookies = (response: Response) =>
    response.headers
      .getSetCookie()
      .map((one) => one.split(";")[0])
      .join("; ");
  async function signIn(username: string): Promise<string> {
    const page = await fetch(`${address}/login/`);
    const csrfmiddlewaretoken =
      /name="csrfmiddlewaretoken" value="([^"]+)"/.exec(await page.text())?.[1] ?? "";
    const answer = await fetch(`${address}/login/`, {
      method: "POST",
      redirect: "manual",
      headers: { cookie: cookies(page), origin: address },
      body: new URLSearchParams({ username, password: PASSWORD, csrfmiddlewaretoken }),
    });
    expect(answer.status).toBe(302);
    return cookies(answer);
  }
  const open = async (name: string) => {
    const socket = new PageSocket(address, sessions.get(name) ?? "");
    await socket.next("connection_established");
    return socket;
  };

  test("brings a browser the progress and the picture of its task", async ({ skip }) => {
    if ("missing" in python) return skip(python.missing);
    const ann = await open("ann");
    ann.send({ type: "generate_image", model: "local/canvas", prompt: "a fox", size: "2048x2048" });
    const { task_id } = await ann.next("generation_started");
    const seen: number[] = [];
    let message = await ann.next();
    while (message.type === "progress") {
      expect(message.task_id).toBe(task_id);
      seen.push(message.progress ?? -1);
      message = await ann.next();
    }
    expect(message).toMatchObject({ type: "completed", task_id });
    await expectPictureAt(message.image_url);
    expectRising(seen);
    ann.close();
  });

  test("shows both in its page, in Chromium", async ({ skip }) => {
    if ("missing" in python) return skip(python.missing);
    if (chromiumIsMissing !== null) return skip(chromiumIsMissing);
    const { src, width, seen } = await pressPaint(`${address}/`, world.folder, sessions.get("ann"));
    expect(width).toBe(1024);
    expectRising(seen);
    await expectPictureAt(src);
  });

  test("refuses another user's task, whose owner goes on hearing of it", async ({ skip }) => {
    if ("missing" in python) return skip(python.missing);
    const [ann, ben] = await Promise.all([open("ann"), open("ben")]);
    ann.send({ type: "generate_image", prompt: "an owl", size: "2048x2048" });
    const { task_id } = await ann.next("generation_started");
    for (const type of ["subscribe", "unsubscribe"]) {
      ben.send({ type, task_id });
      expect(await ben.next("error")).toEqual({ type: "error", error: "Unauthorized" });
    }
    expect(await ann.next("completed")).toMatchObject({ task_id });
    // Who made it comes back later, and is told how it ended.
    ann.close();
    const again = await open("ann");
    again.send({ type: "subscribe", task_id });
    expect(await again.next("completed")).toMatchObject({ task_id });
    again.close();
    // A message of his own brings what was meant for him, and nothing of hers came before.
    ben.send({ type: "generate_image", prompt: " " });
    expect((await ben.next("error")).error).toContain("prompt must be a text");
    expect(ben.messages).toEqual([]);
    ben.close();
  });

  test("says what it expects of a message, and stays open", async ({ skip }) => {
    if ("missing" in python) return skip(python.missing);
    const ann = await open("ann");
    for (const message of [{}, { type: "generate_image" }, { type: "subscribe", task_id: 7 }]) {
      ann.send(message);
      expect((await ann.next("error")).error).toContain("Expected generate_image");
    }
    ann.send({ type: "generate_image", prompt: "a fox", model: "no/such" });
    expect((await ann.next("error")).error).toContain("no/such");
    ann.close();
  });

  test("closes with 4001 where a user has no key, and refuses pages of other origins", async ({ skip }) => {
    if ("missing" in python) return skip(python.missing);
    expect(await new PageSocket(address, "").closed).toBe(4001);
    const foreign = new PageSocket(address, sessions.get("ann") ?? "", "https://example.com");
    expect(await foreign.closed).not.toBe(4001);
    expect(foreign.messages).toEqual([]);
  });

  test("closes with 4002 where the gateway cannot be reached", async ({ skip }) => {
    if ("missing" in python) return skip(python.missing);
    await world.stop();
    const ann = new PageSocket(address, sessions.get("ann") ?? "");
    expect(await ann.closed).toBe(4002);
    expect(ann.messages).toEqual([{ type: "connection_error", error: "Conduit cannot be reached" }]);
  });
});
