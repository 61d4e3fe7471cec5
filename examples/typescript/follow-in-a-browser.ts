/**
 * A page that follows a task with a plain EventSource. The server holds the key; the browser gets one that opens the one task.
 *
 *   CONDUIT_KEY=condt_… bun examples/typescript/follow-in-a-browser.ts      then open http://localhost:3000
 *
 * Run the gateway on this machine, or name it with CONDUIT_URL and put http://localhost:3000 into its `cors.origins`.
 */

const gateway = process.env.CONDUIT_URL ?? "http://localhost:8787";

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>A fox</title>
<button>Paint</button> <progress max="100" value="0"></progress>
<p></p>
<script type="module">
  const [button, bar, line] = ["button", "progress", "p"].map((name) => document.querySelector(name));
  button.onclick = async () => {
    const { eventsUrl, accessToken } = await (await fetch("/paint", { method: "POST" })).json();
    // An EventSource sends no headers, so the key goes into the address, where the gateway does not log it.
    const events = new EventSource(eventsUrl + "?access_token=" + accessToken);
    for (const type of "snapshot queued started progress retrying completed failed cancelled".split(" "))
      events.addEventListener(type, ({ data }) => {
        const event = JSON.parse(data);
        show(event.task ?? event);
      });
  };
  function show({ status, progress, result, error }) {
    if (progress !== undefined) bar.value = progress;
    line.textContent = error ?? status;
    if (!result) return;
    const picture = new Image(512);
    picture.src = result.images[0].url;
    line.replaceChildren(picture);
  }
</script>`;

const server = Bun.serve({
  port: Number(process.env.PORT ?? 3000),
  hostname: "localhost",
  routes: {
    "/": () => new Response(PAGE, { headers: { "content-type": "text/html; charset=utf-8" } }),
    "/paint": {
      // Where people sign in, this is the place to ask who asks.
      POST: async () => {
        const created = await fetch(`${gateway}/v1/images/generations/async`, {
          method: "POST",
          headers: {
            authorization: `Bearer ${process.env.CONDUIT_KEY}`,
            "content-type": "application/json",
          },
          body: JSON.stringify({
            model: "local/canvas",
            prompt: "a fox crossing a snowy forest at night",
            access_token: { ttl_seconds: 600 },
          }),
        });
        const { eventsUrl, accessToken, error } = await created.json();
        return Response.json({ eventsUrl, accessToken, error }, { status: created.status });
      },
    },
  },
});
console.log(`http://localhost:${server.port}`);
