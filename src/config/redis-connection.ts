/**
 * Where a Redis server is, in the three spellings operators bring along: `host:port`, the list form
 * `host:port,password=…,ssl=true`, and `redis://` or `rediss://` addresses.
 */

export type RedisConnection = {
  readonly host: string;
  readonly port: number;
  readonly username: string | null;
  readonly password: string | null;
  readonly database: number;
  readonly tls: boolean;
};

/** What the three spellings look like, for messages. */
export const REDIS_CONNECTION_SHAPE =
  "host:port, host:port,password=…,ssl=true or redis://user:password@host:port/0 (one server)";

const DEFAULT_PORT = 6379;
const HOST = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)$/;
const HOST_AND_PORT = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/;
const SCHEMES = new Map([
  ["redis:", false],
  ["rediss:", true],
]);
/** Options of the list form that tune another client and mean nothing here. */
const WITHOUT_MEANING = new Set([
  "abortconnect",
  "allowadmin",
  "asynctimeout",
  "channelprefix",
  "checkcertificaterevocation",
  "configcheckseconds",
  "connectretry",
  "connecttimeout",
  "keepalive",
  "name",
  "protocol",
  "resolvedns",
  "responsetimeout",
  "sslhost",
  "sslprotocols",
  "synctimeout",
  "tiebreaker",
  "version",
]);

/** The connection a text describes, or null when it is none of the three spellings. */
export function parseRedisConnection(text: string): RedisConnection | null {
  const trimmed = text.trim();
  return /^[a-z]+:\/\//i.test(trimmed) ? fromAddress(trimmed) : fromList(trimmed);
}

function fromAddress(text: string): RedisConnection | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const tls = SCHEMES.get(url.protocol.toLowerCase());
  if (
    tls === undefined ||
    !HOST.test(url.hostname) ||
    url.port === "0" ||
    url.hash !== "" ||
    url.search !== ""
  )
    return null;
  const database = url.pathname === "" || url.pathname === "/" ? 0 : wholeNumber(url.pathname.slice(1));
  const username = percentDecoded(url.username);
  const password = percentDecoded(url.password);
  if (database === null || username === null || password === null) return null;
  return {
    host: withoutBrackets(url.hostname),
    port: url.port === "" ? DEFAULT_PORT : Number(url.port),
    username: username === "" ? null : username,
    password: password === "" ? null : password,
    database,
    tls,
  };
}

function fromList(text: string): RedisConnection | null {
  const [server = "", ...options] = text.split(",").map((part) => part.trim());
  const match = HOST_AND_PORT.exec(server);
  if (match === null) return null;
  const port = match[2] === undefined ? DEFAULT_PORT : Number(match[2]);
  if (port < 1 || port > 65_535) return null;
  const connection = {
    host: withoutBrackets(match[1] ?? ""),
    port,
    username: null,
    password: null,
    database: 0,
    tls: false,
  };
  return options.reduce<RedisConnection | null>(
    (sofar, option) => (sofar === null || option === "" ? sofar : withOption(sofar, option)),
    connection,
  );
}

function withOption(connection: RedisConnection, option: string): RedisConnection | null {
  const equals = option.indexOf("=");
  if (equals < 1) return null;
  const name = option.slice(0, equals).trim().toLowerCase();
  const value = option.slice(equals + 1).trim();
  switch (name) {
    case "password":
      return { ...connection, password: value === "" ? null : value };
    case "user":
      return { ...connection, username: value === "" ? null : value };
    case "ssl": {
      const wanted = value.toLowerCase();
      return wanted === "true" || wanted === "false" ? { ...connection, tls: wanted === "true" } : null;
    }
    case "defaultdatabase": {
      const database = wholeNumber(value);
      return database === null ? null : { ...connection, database };
    }
    default:
      return WITHOUT_MEANING.has(name) ? connection : null;
  }
}

function wholeNumber(text: string): number | null {
  return /^\d{1,5}$/.test(text) ? Number(text) : null;
}

/** An IPv6 address as sockets want it. */
function withoutBrackets(host: string): string {
  return host.startsWith("[") ? host.slice(1, -1) : host;
}

function percentDecoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
