import { Hono } from "hono";
const app = new Hono();
app.get("/health/live", (c) => c.body(null, 204));
export default app;
