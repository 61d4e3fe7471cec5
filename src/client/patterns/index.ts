/** The package's entry `patterns`: what programs put around a client. */

export {
  CircuitBreaker,
  type CircuitBreakerOptions,
  CircuitOpenError,
  type CircuitState,
} from "./circuit-breaker.ts";
export {
  type AcquireOptions,
  ConnectionPool,
  type ConnectionPoolOptions,
  type HeldConnection,
  PoolClosedError,
} from "./connection-pool.ts";
export { RateLimiter, type RateLimiterOptions } from "./rate-limiter.ts";
export { type ResilienceOptions, type ResilientCall, withResilience } from "./resilience.ts";
